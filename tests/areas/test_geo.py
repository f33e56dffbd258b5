"""GCJ-02 and WGS-84, distances, polygons: by property and by table."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.areas import geo
from app.areas.geo import Crs

LNG, LAT = st.floats(74, 134, allow_nan=False), st.floats(4, 53, allow_nan=False)
# The government's square in the county, as a phone's receiver (WGS-84) has it.
HERE = (116.783251, 35.552113)
METRE = 1 / 111_000  # degrees


def test_the_systems_are_505_metres_apart_here() -> None:
    there = geo.to_gcj02(*HERE, Crs.WGS84)
    assert geo.distance_m(*HERE, *there) == pytest.approx(505, abs=60)
    assert geo.to_gcj02(*HERE, Crs.GCJ02) == HERE


@given(lng=LNG, lat=LAT)
def test_the_inverse_is_exact_and_the_offset_bounded(lng: float, lat: float) -> None:
    there = geo.wgs84_to_gcj02(lng, lat)
    assert 1 < geo.distance_m(lng, lat, *there) < 1_500
    assert geo.distance_m(lng, lat, *geo.gcj02_to_wgs84(*there)) < 0.001


@given(lng=LNG, lat=LAT)
def test_a_place_of_a_map_comes_back_within_a_metre(lng: float, lat: float) -> None:
    """The other way round: GCJ-02 as a phone's map sends it, to WGS-84 and back."""
    assert geo.distance_m(lng, lat, *geo.wgs84_to_gcj02(*geo.gcj02_to_wgs84(lng, lat))) < 1


def test_a_single_pass_would_not_do() -> None:
    """The known-bad inverse, which takes the offset at the wrong end: in the north-east it is almost five metres off."""
    north_east = (131.00036072996016, 52.96672808079914)
    there = geo.wgs84_to_gcj02(*north_east)
    lng, lat = geo.wgs84_to_gcj02(*there)
    assert geo.distance_m(*north_east, 2 * there[0] - lng, 2 * there[1] - lat) > 1


@given(lng=st.floats(-170, 60), lat=st.floats(-60, 80))
def test_abroad_there_is_no_offset(lng: float, lat: float) -> None:
    assert geo.wgs84_to_gcj02(lng, lat) == (lng, lat)


@given(lng=LNG, lat=LAT, radius=st.floats(1, 50_000), bearing=st.floats(0, 2 * math.pi))
def test_the_coarse_box_holds_the_circle(lng: float, lat: float, radius: float, bearing: float) -> None:
    west, south, east, north = geo.around(lng, lat, radius)
    up = math.degrees(radius / geo.EARTH_RADIUS_M) * math.cos(bearing) * 0.999
    side = math.degrees(radius / geo.EARTH_RADIUS_M) * math.sin(bearing) * 0.999 / math.cos(math.radians(lat))
    assume(geo.distance_m(lng, lat, lng + side, lat + up) <= radius)
    assert west <= lng + side <= east and south <= lat + up <= north


@given(lng=LNG, lat=LAT, other_lng=LNG, other_lat=LAT)
def test_distance_is_a_distance(lng: float, lat: float, other_lng: float, other_lat: float) -> None:
    there, back = geo.distance_m(lng, lat, other_lng, other_lat), geo.distance_m(other_lng, other_lat, lng, lat)
    assert there == pytest.approx(back) and there >= 0 and geo.distance_m(lng, lat, lng, lat) == 0


def test_a_degree_of_latitude() -> None:
    assert geo.distance_m(116, 35, 116, 36) == pytest.approx(111_195, abs=1)


def polygon(*rings: list[tuple[float, float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
HOLE = [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0)]
HORSESHOE = [(0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (4.0, 6.0), (4.0, 2.0), (2.0, 2.0), (2.0, 6.0), (0.0, 6.0)]


@pytest.mark.parametrize(
    ("shape", "point", "held"),
    [
        (polygon(SQUARE), (3.0, 3.0), True), (polygon(SQUARE), (5.0, 3.0), False), (polygon(SQUARE, HOLE), (1.5, 1.5), False),
        (polygon(SQUARE, HOLE), (2.5, 1.5), True), (polygon(HORSESHOE), (3.0, 4.0), False), (polygon(HORSESHOE), (1.0, 4.0), True),
        (polygon(HORSESHOE), (3.0, 1.0), True), (polygon(SQUARE[::-1]), (3.0, 3.0), True),  # either direction
    ],
)
def test_inside(shape: dict[str, object], point: tuple[float, float], held: bool) -> None:
    assert geo.inside(shape, *point) is held


@given(cut=st.floats(0.5, 3.5), lng=st.floats(0.001, 3.999), lat=st.floats(0.001, 3.999))
def test_of_neighbours_exactly_one_holds_a_point_even_on_their_edge(cut: float, lng: float, lat: float) -> None:
    left = polygon([(0.0, 0.0), (cut, 0.0), (cut, 4.0), (0.0, 4.0)])
    right = polygon([(cut, 0.0), (4.0, 0.0), (4.0, 4.0), (cut, 4.0)])
    for x in (lng, cut):
        assert geo.inside(left, x, lat) + geo.inside(right, x, lat) == 1


def test_middle_and_box() -> None:
    assert geo.centroid(polygon(SQUARE)) == (2.0, 2.0)
    assert geo.centroid(polygon(SQUARE[::-1])) == (2.0, 2.0)
    assert geo.bounds(polygon(HORSESHOE)) == (0.0, 0.0, 6.0, 6.0)
    assert geo.signed_area([*SQUARE, SQUARE[0]]) == 16
    block = [(116.78 + x * METRE, 35.55 + y * METRE) for x, y in ((0, 0), (100, 0), (100, 100), (0, 100))]
    lng, lat = geo.centroid(polygon(block))  # a block of a hundred metres: no digits are lost
    assert (lng, lat) == (pytest.approx(116.78 + 50 * METRE, abs=1e-9), pytest.approx(35.55 + 50 * METRE, abs=1e-9))
