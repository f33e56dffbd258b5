"""Bodies and answers of announcements."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.announcements.models import Kind, Status
from app.schemas import Body, Day, Instant, Line, Named, Occupation, Out, Paragraphs
from app.uploads.schemas import EXAMPLE as PHOTO
from app.uploads.schemas import PictureOut

ID = "01933c5e-7a00-7000-8000-00000000000"
APART = {"area_id", "organisation_ids", "upload_ids"}  # fields of a body that are no columns
CLEARABLE = {"occupations", "pinned_until"}
EXAMPLE: dict[str, Any] = {
    "kind": "notice", "title": "高温天气关爱物资领取", "body": "7 月 1 日起，各社区驿站免费领取饮用水和防暑药品。\n\n凭小程序会员码领取。",
    "occupations": ["courier", "food_delivery"], "pinned_until": "2026-12-31",
}


def _distinct(given: list[Any]) -> list[Any]:
    if len(set(given)) != len(given):
        raise ValueError("不能重复")
    return given


Title = Annotated[Line, StringConstraints(max_length=60)]
BodyText = Annotated[Paragraphs, StringConstraints(max_length=5000)]
Occupations = Annotated[list[Occupation], Field(min_length=1, max_length=len(Occupation)), AfterValidator(_distinct)]
OrganisationIds = Annotated[list[UUID], Field(max_length=50), AfterValidator(_distinct)]
UploadIds = Annotated[list[UUID], Field(max_length=9)]


class AnnouncementIn(Body):
    """A draft for members who work in the area or below it. `occupations`: of one of these trades; `organisation_ids`: looked after by
    one of these organisations. Empty or left out: all of them.
    """

    model_config = {
        "json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "organisation_ids": [], "upload_ids": [ID + "5"]}]}
    }

    kind: Kind
    title: Title
    body: BodyText
    area_id: UUID
    occupations: Occupations | None = None
    organisation_ids: OrganisationIds = []
    upload_ids: UploadIds = []
    pinned_until: Day | None = None


class AnnouncementPatch(Body):
    """What is given is changed; lists take the place of the whole list. Null lifts the trades, or ends the pinning.

    What is out takes `pinned_until` only.
    """

    model_config = {"json_schema_extra": {"examples": [{"pinned_until": None}]}}

    kind: Kind | None = None
    title: Title | None = None
    body: BodyText | None = None
    area_id: UUID | None = None
    occupations: Occupations | None = None
    organisation_ids: OrganisationIds | None = None
    upload_ids: UploadIds | None = None
    pinned_until: Day | None = None

    @model_validator(mode="after")
    def _removes_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - CLEARABLE):
            raise ValueError("只有职业范围和置顶日期可以清空")
        return self


class PublishIn(Body):
    """`publish_at`: an instant to come; left out, it is out at once."""

    model_config = {"json_schema_extra": {"examples": [{"publish_at": "2026-12-01T00:00:00Z"}]}}

    publish_at: Instant | None = None


class TotalsOut(Out):
    """How many got the message and how many opened the text; who came later may have opened it without the message."""

    told: int
    reads: int


class AnnouncementBrief(Out):
    """An announcement as the list of a member shows it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "2", "kind": "notice", "title": EXAMPLE["title"],
                    "summary": "7 月 1 日起，各社区驿站免费领取饮用水和防暑药品。",
                    "area": {"id": ID + "1", "name": "文化路社区"}, "at": "2026-11-29T01:00:00Z", "pinned": True, "read": False,
                }
            ]
        }
    }

    id: UUID
    kind: Kind
    title: str
    summary: str
    area: Named
    at: Instant
    pinned: bool
    read: bool


class AnnouncementOut(Out):
    """One announcement. `at`: when it is or will be out. `read`: the caller has opened it before or just now.

    `occupations`, `organisations`, `totals` are for who looks after it and null for its readers. Totals are null below ten people.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "2", "status": "published", "area": {"id": ID + "1", "name": "文化路社区"}, "organisations": [],
                    "photos": [PHOTO], "at": "2026-11-29T01:00:00Z", "pinned": True, "read": False,
                    "totals": {"told": 1200, "reads": 431}, "version": 2, "allowed": ["pin", "withdraw"],
                }
            ]
        }
    }

    id: UUID
    kind: Kind
    status: Status
    title: str
    body: str
    area: Named
    occupations: list[Occupation] | None
    organisations: list[Named] | None
    photos: list[PictureOut]
    at: Instant | None
    pinned_until: Day | None
    pinned: bool
    read: bool
    totals: TotalsOut | None
    version: int
    allowed: list[str]
