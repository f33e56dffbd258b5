"""When and where a photo was taken is read before its EXIF goes, and rubbish in it costs neither the photo nor the other half."""

from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from app.areas import geo
from app.uploads import pictures
from app.uploads.taken import Taken
from tests.uploads import photos
from tests.uploads.photos import GPS, encoded, scene

EXIF, TIME, OFFSET = 0x8769, 0x9003, 0x9011
NORTH_EAST = {1: "N", 2: (35.0, 33.0, 7.6), 3: "E", 4: (116.0, 46.0, 59.7)}
WHEN = "2026:11:24 09:20:30"
AT = datetime(2026, 11, 24, 1, 20, 30, tzinfo=UTC)


def told(exif: dict[int, Any] | None, gps: dict[int, Any] | None, kind: str = "JPEG") -> Taken:
    tags = Image.Exif()
    if exif is not None:
        tags[EXIF] = exif
    if gps is not None:
        tags[GPS] = gps
    sent = pictures.clean(encoded(scene(), kind, exif=tags.tobytes())).sent
    assert sent is not None
    return sent.taken


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC"])
def test_every_kind_tells_when_and_where(kind: str) -> None:
    found = told({TIME: WHEN}, NORTH_EAST, kind)
    assert found.at == AT and found.place is not None
    lng, lat = geo.gcj02_to_wgs84(*found.place)
    assert geo.distance_m(lng, lat, 116 + 46 / 60 + 59.7 / 3600, 35 + 33 / 60 + 7.6 / 3600) < 0.5


@pytest.mark.parametrize(
    ("tags", "at"),
    [
        ({TIME: WHEN}, AT), ({TIME: WHEN, OFFSET: "+08:00"}, AT), ({TIME: WHEN, OFFSET: "+00:00"}, AT.replace(hour=9)),
        ({TIME: WHEN, OFFSET: "-05:30"}, AT.replace(hour=14, minute=50)), ({TIME: WHEN, OFFSET: "   :  "}, AT),
        ({TIME: WHEN, OFFSET: "nowhere"}, AT), ({TIME: WHEN + "\0"}, AT), ({TIME: "0000:00:00 00:00:00"}, None), ({TIME: ""}, None),
        ({TIME: "0001:01:01 00:00:00"}, None), ({TIME: "yesterday"}, None), ({OFFSET: "+08:00"}, None), ({}, None),
    ],
)
def test_times(tags: dict[int, Any], at: datetime | None) -> None:
    assert told(tags, None).at == at


def near(found: Taken, lng: float, lat: float) -> bool:
    return found.place is not None and geo.distance_m(*geo.gcj02_to_wgs84(*found.place), lng, lat) < 0.5


def test_references_and_missing_parts() -> None:
    assert near(told(None, {2: (35.5, 0.0, 0.0), 4: (116.5, 0.0, 0.0)}), 116.5, 35.5)
    assert near(told(None, {2: (35.0, 30.0), 4: (116.0, 30.0)}), 116.5, 35.5)
    assert near(told(None, NORTH_EAST | {1: "S", 3: "W"}), -116.783250, -35.552111)
    abroad = told(None, NORTH_EAST | {3: "W"}).place
    assert abroad is not None and abroad[0] == pytest.approx(-116.783250, abs=1e-6), "outside China nothing is shifted"


@pytest.mark.parametrize(
    "gps",
    [
        {}, {2: (35.0, 33.0, 7.6)}, {2: (95.0, 0.0, 0.0), 4: (116.0, 0.0, 0.0)}, {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
        {2: (35.0, 0.0, 0.0), 4: (1e9, 0.0, 0.0)}, {2: (IFDRational(1, 0),) * 3, 4: (IFDRational(0, 0),) * 3},
    ],
    ids=["nothing", "half", "beyond the pole", "null island", "beyond", "by zero"],
)
def test_what_is_no_place_costs_only_the_place(gps: dict[int, Any]) -> None:
    assert told({TIME: WHEN}, gps) == Taken(AT, None)


def test_what_is_no_time_costs_only_the_time() -> None:
    found = told({TIME: "2026:13:45 99:99:99"}, NORTH_EAST)
    assert found.at is None and found.place is not None


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_way_of_spoiling_the_exif_costs_the_photo() -> None:
    tags = Image.Exif()
    tags[EXIF], tags[GPS] = {TIME: WHEN, OFFSET: "+08:00"}, NORTH_EAST
    whole = tags.tobytes()
    for at in range(6, len(whole)):
        for flip in (0xFF, 0x01):
            spoiled = whole[:at] + bytes((whole[at] ^ flip,)) + whole[at + 1 :]
            assert pictures.clean(encoded(scene(32, 24), "JPEG", exif=spoiled)).sent is not None


def test_a_photo_without_exif_tells_nothing() -> None:
    sent = pictures.clean(encoded(scene(), "JPEG")).sent
    assert sent is not None and sent.taken == Taken()


def test_known_bad_reading_after_the_rebuilding_finds_nothing() -> None:
    rebuilt = pictures.clean(photos.talkative_jpeg()).image
    sent = pictures.clean(rebuilt).sent
    assert sent is not None and sent.taken == Taken()
