"""Coordinates: GCJ-02 (what Tencent maps and our tables use) and WGS-84, distances in metres, polygons of GeoJSON. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

EARTH_RADIUS_M = 6_371_008.8
# The ellipsoid (Krasovsky 1940) that the published GCJ-02 offset is computed with.
SEMI_MAJOR_M, ECCENTRICITY_SQUARED = 6_378_245.0, 0.006_693_421_622_965_943
WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271  # outside of it GCJ-02 has no offset
Ring = Sequence[Sequence[float]]


class Crs(StrEnum):
    GCJ02 = "gcj02"
    WGS84 = "wgs84"


def to_gcj02(lng: float, lat: float, crs: str) -> tuple[float, float]:
    """A point of either system in GCJ-02."""
    return wgs84_to_gcj02(lng, lat) if crs == Crs.WGS84 else (lng, lat)


def wgs84_to_gcj02(lng: float, lat: float) -> tuple[float, float]:
    if not (WEST <= lng <= EAST and SOUTH <= lat <= NORTH):
        return lng, lat
    east, north = _offset_lng(lng - 105.0, lat - 35.0), _offset_lat(lng - 105.0, lat - 35.0)
    radians = math.radians(lat)
    magic = 1 - ECCENTRICITY_SQUARED * math.sin(radians) ** 2
    north = north * 180.0 / ((SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED)) / (magic * math.sqrt(magic)) * math.pi)
    east = east * 180.0 / (SEMI_MAJOR_M / math.sqrt(magic) * math.cos(radians) * math.pi)
    return lng + east, lat + north


def gcj02_to_wgs84(lng: float, lat: float) -> tuple[float, float]:
    """The inverse, by fixed-point iteration: the offset changes so slowly that each round wins about two digits."""
    guess_lng, guess_lat = lng, lat
    for _ in range(6):
        there_lng, there_lat = wgs84_to_gcj02(guess_lng, guess_lat)
        guess_lng, guess_lat = guess_lng + lng - there_lng, guess_lat + lat - there_lat
    return guess_lng, guess_lat


def distance_m(lng1: float, lat1: float, lng2: float, lat2: float) -> float:
    """Great-circle distance (haversine) in metres, for two points of the same system."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2 + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def around(lng: float, lat: float, radius_m: float) -> tuple[float, float, float, float]:
    """A box (west, south, east, north) that holds every point within the radius: the coarse filter before `distance_m`."""
    up = math.degrees(radius_m / EARTH_RADIUS_M)
    side = up / max(0.01, math.cos(math.radians(min(89.0, abs(lat) + up))))
    return lng - side, lat - up, lng + side, lat + up


def inside(polygon: Mapping[str, Any], lng: float, lat: float) -> bool:
    """In the outer ring and in no hole. Edges belong to one side only, so neighbours that share an edge never both hold a point."""
    outer, *holes = polygon["coordinates"]
    return _in_ring(outer, lng, lat) and not any(_in_ring(hole, lng, lat) for hole in holes)


def bounds(polygon: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """West, south, east, north of the outer ring."""
    lngs, lats = zip(*polygon["coordinates"][0], strict=True)
    return min(lngs), min(lats), max(lngs), max(lats)


def signed_area(ring: Ring) -> float:
    """In square degrees; positive when the ring runs counter-clockwise, 0 when it encloses nothing."""
    origin_lng, origin_lat = ring[0]
    return _ring_sum(ring, origin_lng, origin_lat, lambda x, y, after_x, after_y: 1.0) / 2


def centroid(polygon: Mapping[str, Any]) -> tuple[float, float]:
    """The outer ring's centre of area."""
    ring = polygon["coordinates"][0]
    lng, lat = ring[0]
    area = signed_area(ring)
    east = _ring_sum(ring, lng, lat, lambda x, y, after_x, after_y: x + after_x)
    north = _ring_sum(ring, lng, lat, lambda x, y, after_x, after_y: y + after_y)
    return lng + east / (6 * area), lat + north / (6 * area)


def _ring_sum(ring: Ring, lng: float, lat: float, weight: Callable[[float, float, float, float], float]) -> float:
    """Sums cross products relative to one corner: with absolute degrees the small differences would drown in rounding."""
    total = 0.0
    for (x, y), (after_x, after_y) in pairwise(ring):
        x, y, after_x, after_y = x - lng, y - lat, after_x - lng, after_y - lat
        total += weight(x, y, after_x, after_y) * (x * after_y - after_x * y)
    return total


def _in_ring(ring: Ring, lng: float, lat: float) -> bool:
    """Counts how often a ray to the east crosses the ring."""
    odd = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > lat) != (y2 > lat) and lng < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def _offset_lat(x: float, y: float) -> float:
    value = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    value += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    value += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    return value + (160.0 * math.sin(y / 12.0 * math.pi) + 320 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0


def _offset_lng(x: float, y: float) -> float:
    value = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    value += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    value += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    return value + (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
