"""Bodies and answers of shortlists."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from app.publicity.models import ShortlistStatus
from app.publicity.schemas import ID
from app.schemas import Body, Instant, Line, Named, Note, Out

MOST_CHOSEN = 200
RULE: dict[str, Any] = {
    "min_points": 300, "min_active_months": 6, "rules": ["REPORT_ACCEPTED", "REPORT_CLOSED"], "exclude_false_reports": True,
}
SHORTLIST: dict[str, Any] = {
    "id": ID, "title": "2026 年度最美骑士", "year": 2026, "as_of": "2026-12-31", "area": {"id": ID, "name": "兖州区"}, "rule": RULE,
    "status": "decided", "at": "2027-01-05T02:00:00Z", "decided_at": "2027-01-12T02:00:00Z", "version": 2, "allowed": [],
}
FACTS: dict[str, Any] = {"meets": True, "active_months": True, "no_false_reports": True}
CANDIDATE: dict[str, Any] = {"member_id": ID, "name": "王小明", "chosen": True, "facts": FACTS}
RuleCode = Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Z_]+$")]


class ShortlistIn(Body):
    """Who earned at least `min_points` in the year (by the rules named, else by all), in at least so many months of it."""

    model_config = {"json_schema_extra": {"examples": [RULE | {"title": "2026 年度最美骑士", "year": 2026, "area_id": ID}]}}

    title: Line
    year: Annotated[int, Field(ge=2020, le=2100, strict=True)]
    area_id: UUID
    min_points: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    min_active_months: Annotated[int, Field(ge=1, le=12, strict=True)] | None = None
    rules: Annotated[list[RuleCode], Field(min_length=1, max_length=50)] | None = None
    exclude_false_reports: bool = True


class RuleOut(Out):
    min_points: int
    min_active_months: int | None
    rules: list[str] | None
    exclude_false_reports: bool


class ShortlistOut(Out):
    """A shortlist without its people. `as_of` is the last local day that was looked at: of a running year the day it was made."""

    model_config = {"json_schema_extra": {"examples": [SHORTLIST]}}

    id: UUID
    title: str
    year: int
    as_of: date
    area: Named
    rule: RuleOut
    status: ShortlistStatus
    at: Instant
    decided_at: Instant | None
    version: int
    allowed: list[str]


class Facts(Out):
    """What the rule asked and the candidate met, as yes; null where it did not ask. No figure: there is nothing to rank by."""

    meets: bool
    active_months: bool | None
    no_false_reports: bool | None


class CandidateOut(Out):
    model_config = {"json_schema_extra": {"examples": [CANDIDATE]}}

    member_id: UUID
    name: str | None
    chosen: bool
    facts: Facts


class ShortlistWithCandidates(ShortlistOut):
    """The candidates who still agree to be named, in the alphabetical order of their full names, and why some of them were chosen."""

    model_config = {
        "json_schema_extra": {"examples": [SHORTLIST | {"note": "经评议会投票，全票通过。", "candidates": [CANDIDATE]}]}
    }

    note: str | None
    candidates: list[CandidateOut]


class ShortlistDecisionIn(Body):
    """`note`: why these; kept until one of the candidates is erased."""

    model_config = {"json_schema_extra": {"examples": [{"chosen": [ID], "note": "经评议会投票，全票通过。"}]}}

    chosen: Annotated[list[UUID], Field(min_length=1, max_length=MOST_CHOSEN)]
    note: Note
