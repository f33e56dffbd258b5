"""Bodies and answers of the rules."""

from typing import Annotated, Any

from pydantic import Field

from app.schemas import Body, Instant, Out

Days = Annotated[int, Field(ge=1, le=36_500, strict=True)]
RULE: dict[str, Any] = {
    "code": "place_rounded", "title": "上报的准确位置", "then": "结案后到期，坐标保留三位小数，删除地址和照片里的位置",
    "days": 90, "least": 1, "most": 90, "active": True, "version": 1, "changed_at": "2026-11-29T02:00:00Z",
    "allowed": ["update", "dry-run"],
}


class RuleIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"days": 60, "active": True}]}}

    days: Days
    active: bool


class DryRunIn(Body):
    """Other days than the rule's may be tried."""

    model_config = {"json_schema_extra": {"examples": [{"days": 60}]}}

    days: Days | None = None


class RuleOut(Out):
    """One kind of data: for how many days it stays whole, what is then done, and how far the days may be moved."""

    model_config = {"json_schema_extra": {"examples": [RULE]}}

    code: str
    title: str
    then: str
    days: int
    least: int
    most: int
    active: bool
    version: int
    changed_at: Instant
    allowed: list[str]


class DryRunOut(Out):
    """What a run would touch now: how many, since when the oldest is over, and the reports of the first of them."""

    model_config = {
        "json_schema_extra": {"examples": [{"rows": 12, "oldest": "2026-08-20T02:00:00Z", "examples": ["R20260811-000017"]}]}
    }

    rows: int
    oldest: Instant | None
    examples: list[str]
