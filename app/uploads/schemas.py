"""Answers about photos."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from app.areas.schemas import PlaceOut
from app.schemas import Instant, Out
from app.uploads.developed import CONTENT_TYPE
from app.uploads.models import Checked

BASE = "https://xinxin.example.gov.cn/api/v1/uploads/0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a11"
SIGNED = "?e=1795591200&s=5f2c8d1e0b7a4d2f9c3e6a1b8d7f0e4c"
EXAMPLE: dict[str, Any] = {
    "id": "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a11", "url": BASE, "view_url": f"{BASE}/view{SIGNED}",
    "medium_url": f"{BASE}/medium{SIGNED}", "thumb_url": f"{BASE}/thumb{SIGNED}", "width": 1600, "height": 1200,
}
PLACE: dict[str, Any] = {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": None}
UPLOADED = EXAMPLE | {"content_type": CONTENT_TYPE}


class UploadOut(Out):
    """A photo as it is stored: `content_type`, `width` and `height` are those of the rebuilt image, not of the file that was sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [UPLOADED]})

    id: UUID
    url: str
    view_url: str
    medium_url: str
    thumb_url: str
    width: int
    height: int
    content_type: Literal["image/jpeg"]


class UploadedOut(UploadOut):
    """A photo that has just come in, with when and where its file says it was taken: for its sender, to be offered as time and place."""

    model_config = ConfigDict(json_schema_extra={"examples": [UPLOADED | {"taken_at": "2026-11-24T01:20:00Z", "place": PLACE}]})

    taken_at: Instant | None
    place: PlaceOut | None


class PictureOut(Out):
    """A photo inside an answer. `url` wants the token; the other three are signed, and dead at most ten minutes later."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    url: str
    view_url: str
    medium_url: str
    thumb_url: str
    width: int
    height: int


class PhotoOut(PictureOut):
    """The same, with the part that it plays in a report.

    `checked` is what the content check says, for who sent it and for officials, while it has not passed: strangers do not see it then.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"kind": "before", "checked": None}]})

    kind: Literal["before", "after", "reopen"]
    checked: Checked | None
