"""Bodies and answers of the administration of subscription templates."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.messages.models import Category
from app.schemas import Body, Instant, Line, Out

FIELDS = {"thing1": "{title}", "character_string2": "{number}", "time3": "{at}"}
HOURS = {"quiet_from": "22:00", "quiet_until": "07:00"}
MOMENT: dict[str, Any] = {"code": "report_result", "title": "上报：结果与请评价", "usefulness": 2, "urgent": False}
CHANGE: dict[str, Any] = {
    "category": "report", "title": "上报办理进度", "moment": "report_submitted", "fields": FIELDS, "active": True, **HOURS,
    "moments": [{"code": "report_result", "usefulness": 2, "urgent": False}],
}
EXAMPLE: dict[str, Any] = {
    "template_id": "xinxin_report_progress", **CHANGE, "moments": [MOMENT], "version": 1, "allowed": ["update", "preview"],
}
VALUE: dict[str, Any] = {"key": "thing1", "kind": "thing", "most": 20, "value": "您上报的问题已受理", "cut": False}
Key = Annotated[str, StringConstraints(min_length=2, max_length=32, pattern=r"^[a-z_]+[0-9]{1,2}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Fields = Annotated[dict[Key, Value], Field(min_length=1, max_length=10)]
Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
MomentCode = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z_]+$")]


class MessageMomentIn(Body):
    """How useful it is to be told at once of a kind of event, beside the others of its category; `urgent`: at night too."""

    code: MomentCode
    usefulness: Annotated[int, Field(ge=1, le=5, strict=True)]
    urgent: bool


class MessageTemplateIn(Body):
    """`fields` maps the keys of WeChat's console to text with {title}, {number}, {at}. Equal hours: never quiet."""

    model_config = {"json_schema_extra": {"examples": [CHANGE]}}

    category: Category
    title: Line
    moment: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z_]+$")]
    fields: Fields
    active: bool = True
    quiet_from: Hour = "22:00"
    quiet_until: Hour = "07:00"
    moments: Annotated[list[MessageMomentIn], Field(max_length=20)] = []


class MessageMomentOut(Out):
    code: str
    title: str
    usefulness: int
    urgent: bool


class MessageTemplateOut(Out):
    """A template as its administrator sees it."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    template_id: str
    category: Category
    title: str
    moment: str
    fields: dict[str, str]
    active: bool
    quiet_from: str
    quiet_until: str
    moments: list[MessageMomentOut]
    version: int
    allowed: list[str]


class TemplatePreviewIn(Body):
    """A message as it might come; `fields`: other ones than the template's, before they are saved."""

    model_config = {"json_schema_extra": {"examples": [{"title": "您上报的问题已受理", "number": "R20261122-000017"}]}}

    title: Annotated[Line, Field(max_length=60)] = "您上报的问题已受理"
    number: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=r"^[\x21-\x7e]+$")] | None = None
    at: Instant | None = None
    fields: Fields | None = None


class TemplateValueOut(Out):
    """What stands in one field; `cut`: WeChat's limit takes something of it away."""

    key: str
    kind: str
    most: int
    value: str
    cut: bool


class TemplatePreviewOut(Out):
    """`title` is what stands in the copy: one that a glance at the phone must not read is replaced by the template's own."""

    model_config = {"json_schema_extra": {"examples": [{"title": "您上报的问题已受理", "values": [VALUE]}]}}

    title: str
    values: list[TemplateValueOut]
