"""Bodies and answers of the register of groups."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.groups.models import MOST_PEOPLE
from app.schemas import Body, Day, Line, Named, Note, Out
from app.uploads.schemas import EXAMPLE as PHOTO
from app.uploads.schemas import PictureOut

ID = "01933c5e-7a00-7000-8000-00000000000"
APART = {"area_id", "upload_ids"}  # fields of a body that are no columns
CLEARABLE = {"note", "keeper_id"}
EXAMPLE: dict[str, Any] = {
    "name": "文化路社区骑手之家", "how_to_join": "到社区驿站扫码，或由网格员拉入群", "people": 126, "checked_on": "2026-11-20",
    "note": "每周五清点", "keeper_id": ID + "9",
}
Name = Annotated[Line, StringConstraints(max_length=60)]
HowToJoin = Annotated[Note, StringConstraints(max_length=300)]
People = Annotated[int, Field(ge=0, le=MOST_PEOPLE, strict=True)]
UploadIds = Annotated[list[UUID], Field(max_length=1)]


class GroupIn(Body):
    """A community's WeChat group. `upload_ids`: the picture of the code that joins it. `checked_on`: when `people` were counted, today
    unless given. `keeper_id`: the account of whoever looks after it.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "upload_ids": []}]}}

    area_id: UUID
    name: Name
    how_to_join: HowToJoin
    people: People
    checked_on: Day | None = None
    note: Note | None = None
    keeper_id: UUID | None = None
    upload_ids: UploadIds = []


class GroupPatch(Body):
    """What is given is changed; null removes the note or the keeper. One that is not active is shown to staff only."""

    model_config = {"json_schema_extra": {"examples": [{"people": 131}]}}

    name: Name | None = None
    how_to_join: HowToJoin | None = None
    people: People | None = None
    checked_on: Day | None = None
    note: Note | None = None
    keeper_id: UUID | None = None
    active: bool | None = None
    upload_ids: UploadIds | None = None

    @model_validator(mode="after")
    def _removes_only_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - CLEARABLE):
            raise ValueError("只有备注和负责人可以清空")
        return self


class GroupOut(Out):
    """A group. `people`, `checked_on`, `note` and `keeper_id` are for staff and null for members.

    `photos`: the code that joins it, once it has passed the content check.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "2", "area": {"id": ID + "1", "name": "文化路社区"}, "photos": [PHOTO], "active": True, "version": 1,
                    "allowed": ["update"],
                }
            ]
        }
    }

    id: UUID
    area: Named
    name: str
    how_to_join: str
    photos: list[PictureOut]
    people: int | None
    checked_on: Day | None
    note: str | None
    keeper_id: UUID | None
    active: bool
    version: int
    allowed: list[str]


class GroupFigure(Out):
    """The active groups of an area and below it, and the people in them as last counted; somebody in two groups counts twice."""

    area: Named
    groups: int
    people: int


class GroupFiguresOut(Out):
    """`total` is the area's own, `items` those of the areas right below it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "total": {"area": {"id": ID + "0", "name": "测试县"}, "groups": 53, "people": 6120},
                    "items": [{"area": {"id": ID + "1", "name": "鼓楼街道"}, "groups": 12, "people": 1410}],
                }
            ]
        }
    }

    total: GroupFigure
    items: list[GroupFigure]
