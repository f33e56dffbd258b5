"""Bodies and answers of awards that people decide, of confirmations, of stops, and of what was judged."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.points.schemas import ID, Amount, AwardOutcome, EntryReference
from app.schemas import Body, Day, Instant, Note, Out

RuleCode = Annotated[str, StringConstraints(max_length=32, pattern=r"^[A-Z_]+$")]


class AwardIn(Body):
    """Exactly one of `member_id` and `report_id`: an award about a report is for whoever made it.

    `points` only where the rule has a range; `occurred_on` is the day whose caps count, today unless said.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [{"report_id": ID, "rule_code": "MAJOR_LEAD", "reason": "应急局核实为重大隐患", "upload_id": ID}]
        }
    }

    member_id: UUID | None = None
    report_id: UUID | None = None
    rule_code: RuleCode
    points: Amount | None = None
    reason: Note
    upload_id: UUID
    occurred_on: Day | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.member_id is None) == (self.report_id is None):
            raise ValueError("member_id 与 report_id 须且只能填写一个")
        return self


class ReasonIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"reason": "与上一单为同一处隐患"}]}}

    reason: Note


class ReportRef(Out):
    id: UUID
    number: str


AWARD: dict[str, Any] = {
    "id": ID, "status": "approved", "rule_code": "MAJOR_LEAD", "title": "重大线索经核实", "points": 100, "member_id": None,
    "report": {"id": ID, "number": "R20261122-000017"}, "organisation_id": None, "occurred_on": "2026-11-22",
    "reason": "应急局核实为重大隐患", "upload_id": ID, "maker_id": ID, "checker_id": ID, "at": "2026-11-22T02:11:09Z",
    "decided_at": "2026-11-22T03:11:09Z", "outcome": {"credited": 100, "withheld": 0, "reason": None, "code": None}, "allowed": [],
}


class AwardOut(Out):
    """`member_id` is null where it is about a report. `outcome` once it is granted; a false report has none, its line is in the ledger."""

    model_config = {"json_schema_extra": {"examples": [AWARD]}}

    id: UUID
    status: str
    rule_code: str
    title: str
    points: int
    member_id: UUID | None
    report: ReportRef | None
    organisation_id: UUID | None
    occurred_on: date
    reason: str | None
    upload_id: UUID
    maker_id: UUID
    checker_id: UUID | None
    at: Instant
    decided_at: Instant | None
    outcome: AwardOutcome | None
    allowed: list[str]


CONFIRMATION: dict[str, Any] = {
    "id": ID, "status": "pending", "rule_code": "HAZARD_ACCEPTED", "title": "安全隐患已受理", "points": 50,
    "source": {"type": "report", "id": ID, "number": "R20261122-000017"}, "filed_on": "2026-11-22", "reason": None,
    "at": "2026-11-22T02:11:09Z", "decided_at": None, "allowed": ["confirm", "refuse"],
}


class ConfirmationOut(Out):
    """An award that waits for a second reviewer; whose it is, is not told."""

    model_config = {"json_schema_extra": {"examples": [CONFIRMATION]}}

    id: UUID
    status: str
    rule_code: str
    title: str
    points: int
    source: EntryReference
    filed_on: date
    reason: str | None
    at: Instant
    decided_at: Instant | None
    allowed: list[str]


STOP: dict[str, Any] = {
    "id": ID, "status": "running", "from": "2026-11-22", "until": "2026-12-22", "report": {"id": ID, "number": "R20261122-000017"},
    "lifted_at": None, "lift_reason": None, "at": "2026-11-22T02:11:09Z", "allowed": ["lift"],
}


class EarningStopOut(Out):
    """A stop of earning, by the false report that set it; `until` is its last local day."""

    model_config = {"json_schema_extra": {"examples": [STOP]}}

    id: UUID
    status: str
    from_: date = Field(alias="from")
    until: date
    report: ReportRef
    lifted_at: Instant | None
    lift_reason: str | None
    at: Instant
    allowed: list[str]


JUDGEMENT: dict[str, Any] = {
    "id": ID, "rule_code": "REPORT_ACCEPTED", "title": "上报已受理", "source": {"type": "report", "id": ID, "number": "R20261122-000017"},
    "filed_on": "2026-11-22", "credited": 0, "withheld": 10, "reason_code": "day_cap", "reason": "当日同类积分已达 5 次上限",
    "status": "capped", "at": "2026-11-22T02:11:09Z",
}


class JudgementOut(Out):
    """What was judged about the caller for one source: `credited`, `capped`, `stopped`, `pending` or `refused`, with the reason."""

    model_config = {"json_schema_extra": {"examples": [JUDGEMENT]}}

    id: UUID
    rule_code: str
    title: str
    source: EntryReference
    filed_on: date
    credited: int
    withheld: int
    reason_code: str | None
    reason: str | None
    status: str
    at: Instant
