"""Bodies and answers of the inbox."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.messages.models import Category
from app.schemas import Body, Instant, Out

TEMPLATE = "xinxin_report_progress"
EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000007", "category": "report", "title": "您上报的问题已受理",
    "body": "R20261122-000017：您反映的问题已受理，正在安排处理人员。",
    "path": "pages/reports/detail?id=01933c5e-7a00-7000-8000-000000000008",
    "reference": {"type": "report", "id": "01933c5e-7a00-7000-8000-000000000008", "number": "R20261122-000017"}, "read_at": None,
    "at": "2026-11-24T02:00:00Z",
}
TemplateId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w-]+$")]


class ReferenceOut(Out):
    """What a message is about."""

    type: str
    id: UUID
    number: str | None


class MessageOut(Out):
    """One message; `path` is the page of the mini program that shows more."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    category: Category
    title: str
    body: str
    path: str | None
    reference: ReferenceOut | None
    read_at: Instant | None
    at: Instant


class UnreadOut(Out):
    """All unread messages, and how many of each category."""

    model_config = {"json_schema_extra": {"examples": [{"count": 3, "by_category": dict.fromkeys(Category, 0) | {"report": 3}}]}}

    count: int
    by_category: dict[Category, int]


class TemplateOut(Out):
    """A subscription template, and the moment at which the mini program asks for it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"template_id": TEMPLATE, "category": "report", "title": "上报办理进度", "moment": "report_submitted", "active": True}
            ]
        }
    }

    template_id: str
    category: Category
    title: str
    moment: str
    active: bool


class SubscriptionsIn(Body):
    """What `wx.requestSubscribeMessage` answered, by template."""

    model_config = {"json_schema_extra": {"examples": [{"results": {TEMPLATE: "accept"}}]}}

    results: Annotated[dict[TemplateId, Literal["accept", "reject", "ban", "filter"]], Field(min_length=1, max_length=20)]


class SubscriptionsOut(Out):
    """How many more messages of each of these templates the person permits."""

    model_config = {"json_schema_extra": {"examples": [{"permitted": {TEMPLATE: 1}}]}}

    permitted: dict[str, int]
