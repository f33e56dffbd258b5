"""Bodies and answers of quarterly lists and of objections to them."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.publicity.models import ObjectionStatus
from app.schemas import Body, Instant, Note, Out

ID = "01933c5e-7a00-7000-8000-000000000001"
LIST: dict[str, Any] = {"year": 2026, "quarter": 3, "published_at": "2026-09-30T16:20:00Z", "objections_until": "2026-10-13"}
LINE: dict[str, Any] = {"member_id": ID, "name": "王小明", "shown_as": "王*", "points": 120, "events": 11, "struck_at": None}
OBJECTION: dict[str, Any] = {
    "id": ID, "status": "upheld", "at": "2026-10-08T02:11:09Z", "member": "小哥7K2M", "reason": "名单中有人未参加活动",
    "answer": "经核实属实，已撤下。", "answered_at": "2026-10-09T02:11:09Z", "allowed": [],
}


class PublicityLineOut(Out):
    name: str
    points: int


class PublicityOut(Out):
    """A quarter's list: consented, masked, in the alphabetical order of the full names, never ordered by points.

    It is frozen at `published_at` and can be objected to until the end of the local day `objections_until`: five working days after it.
    """

    model_config = {"json_schema_extra": {"examples": [LIST | {"items": [{"name": "王*", "points": 120}], "next_cursor": None}]}}

    year: int
    quarter: int
    published_at: Instant
    objections_until: date
    items: list[PublicityLineOut]
    next_cursor: None


class StaffLineOut(Out):
    """`shown_as` is what everybody else reads; `struck_at` when an objection took the line off."""

    model_config = {"json_schema_extra": {"examples": [LINE]}}

    member_id: UUID
    name: str | None
    shown_as: str
    points: int
    events: int
    struck_at: Instant | None


class StaffLinesOut(Out):
    """The same list for who answers objections to it."""

    model_config = {"json_schema_extra": {"examples": [LIST | {"items": [LINE], "next_cursor": None}]}}

    year: int
    quarter: int
    published_at: Instant
    objections_until: date
    items: list[StaffLineOut]
    next_cursor: None


class ObjectionIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"reason": "名单中有人未参加活动"}]}}

    reason: Note


class ObjectionOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"id": ID, "status": "received", "at": "2026-10-08T02:11:09Z"}]}}

    id: UUID
    status: ObjectionStatus
    at: Instant


class StaffObjectionOut(Out):
    """`member` is the alias of who objected; the sentences are null when that person, or whom they were about, is erased."""

    model_config = {"json_schema_extra": {"examples": [OBJECTION]}}

    id: UUID
    status: ObjectionStatus
    at: Instant
    member: str
    reason: str | None
    answer: str | None
    answered_at: Instant | None
    allowed: list[str]


class AnswerIn(Body):
    """`note` is read by who objected. `member_id`: whose line comes off the list, where the objection is upheld for one."""

    model_config = {"json_schema_extra": {"examples": [{"note": "经核实属实，已撤下。", "upheld": True, "member_id": ID}]}}

    note: Annotated[Note, Field(max_length=400)]
    upheld: bool
    member_id: UUID | None = None

    @model_validator(mode="after")
    def _only_upheld_strikes(self) -> Self:
        if self.member_id is not None and not self.upheld:
            raise ValueError("异议不成立时不能撤下名单中的人")
        return self
