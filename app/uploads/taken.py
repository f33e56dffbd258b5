"""When and where a photo says that it was taken: what its EXIF tells. A claim of the phone's, never a proof."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app import clock
from app.areas import geo

TIME, OFFSET = 0x9003, 0x9011  # DateTimeOriginal, OffsetTimeOriginal
LAT_REF, LAT, LNG_REF, LNG = 1, 2, 3, 4
DIGITS = 6  # a tenth of a metre
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Taken:
    """`place` is longitude and latitude in GCJ-02. Either is None where the photo does not say, or not in a way that can be read."""

    at: datetime | None = None
    place: Point | None = None


def moment(tags: Mapping[int, Any]) -> datetime | None:
    """The time in the tags of the EXIF. A camera that tells no offset shows the wall clock of China. Raises on rubbish (ValueError…)."""
    at = datetime.strptime(_text(tags[TIME]), "%Y:%m:%d %H:%M:%S")
    return at.replace(tzinfo=_offset(tags) or clock.SHANGHAI).astimezone(UTC)


def _offset(tags: Mapping[int, Any]) -> Any:
    try:
        return datetime.strptime(_text(tags[OFFSET]), "%z").tzinfo
    except (KeyError, ValueError, AttributeError):
        return None


def place(tags: Mapping[int, Any]) -> Point | None:
    """The point in the tags of the GPS, which counts in WGS-84; None for what is no point. Raises on rubbish (TypeError, KeyError…)."""
    lat = _degrees(tags[LAT]) * (-1 if _text(tags.get(LAT_REF, "N")).upper().startswith("S") else 1)
    lng = _degrees(tags[LNG]) * (-1 if _text(tags.get(LNG_REF, "E")).upper().startswith("W") else 1)
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180) or lat == lng == 0:
        return None
    lng, lat = geo.wgs84_to_gcj02(lng, lat)
    return round(lng, DIGITS), round(lat, DIGITS)


def _degrees(parts: Sequence[Any]) -> float:
    """Degrees, minutes and seconds, of which the last two may be missing."""
    return sum((float(part) / 60**power for power, part in enumerate(parts[:3])), 0.0)


def _text(value: Any) -> str:
    text = value.decode("ascii") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ")
