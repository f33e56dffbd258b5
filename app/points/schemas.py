"""Bodies and answers of the ledger."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.schemas import Body, Instant, Note, Out

MOST = 1_000_000  # points; nothing that a county gives by hand is larger


def _not_zero(amount: int) -> int:
    if amount == 0:
        raise ValueError("不能为 0")
    return amount


Amount = Annotated[int, Field(ge=-MOST, le=MOST, strict=True), AfterValidator(_not_zero)]
Cap = Annotated[int, Field(ge=1, le=10_000, strict=True)]
ID = "01933c5e-7a00-7000-8000-000000000001"


class Expiring(Out):
    amount: int
    on: date


class StandingOut(Out):
    """`expiring` sums to `available`; `on` is the last local day on which the amount can be spent."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "available": 120, "held": 10, "debt": 0, "earned_12_months": 230, "level": 2,
                    "expiring": [{"amount": 120, "on": "2027-03-31"}],
                }
            ]
        }
    }

    available: int
    held: int
    debt: int
    earned_12_months: int
    level: int
    expiring: list[Expiring]


class EntryReference(Out):
    type: str
    id: UUID
    number: str | None


class EntryOut(Out):
    """One event: `amount` is its effect on available − debt, `held` on what is held, `balance_after` is available − debt after it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID, "kind": "earn", "amount": 10, "held": 0, "balance_after": 130, "rule_code": "REPORT_ACCEPTED",
                    "rule_version": 1, "reason": "上报已受理", "reference": {"type": "report", "id": ID, "number": "R20261122-000017"},
                    "at": "2026-11-22T02:11:09Z",
                }
            ]
        }
    }

    id: UUID
    kind: str
    amount: int
    held: int
    balance_after: int
    rule_code: str | None
    rule_version: int | None
    reason: str
    reference: EntryReference
    at: Instant


RULE: dict[str, Any] = {
    "code": "REPORT_ACCEPTED", "version": 1, "title": "上报已受理", "points": 10, "points_max": None, "per_day": 5, "per_week": None,
    "per_month": 60, "per_year": None, "conditions": {},
}


class RuleOut(Out):
    """A rule in force; caps count awards in a local day, week, month or year."""

    model_config = {"json_schema_extra": {"examples": [RULE]}}

    code: str
    version: int
    title: str
    points: int
    points_max: int | None
    per_day: int | None
    per_week: int | None
    per_month: int | None
    per_year: int | None
    conditions: dict[str, Any]


class RuleIn(Body):
    """A new version. `area_id`: for that area and below; without it, for the whole platform."""

    model_config = {"json_schema_extra": {"examples": [{"points": 10, "per_day": 5, "per_month": 60}]}}

    points: Amount
    per_day: Cap | None = None
    per_week: Cap | None = None
    per_month: Cap | None = None
    per_year: Cap | None = None
    area_id: UUID | None = None


class AdjustmentIn(Body):
    model_config = {
        "json_schema_extra": {"examples": [{"member_id": ID, "amount": 50, "reason": "线下活动补记，见签到表", "upload_id": ID}]}
    }

    member_id: UUID
    amount: Amount
    reason: Note
    upload_id: UUID


class ClawbackIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"entry_id": ID, "reason": "经核实为虚假上报", "upload_id": ID}]}}

    entry_id: UUID
    reason: Note
    upload_id: UUID


class ProposalOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID, "type": "adjustment", "status": "pending", "member_id": ID, "amount": 50, "entry_id": None, "maker_id": ID,
                    "checker_id": None, "at": "2026-11-22T02:11:09Z", "decided_at": None, "allowed": ["approve", "reject"],
                }
            ]
        }
    }

    id: UUID
    type: str
    status: str
    member_id: UUID
    amount: int
    entry_id: UUID | None
    maker_id: UUID
    checker_id: UUID | None
    at: Instant
    decided_at: Instant | None
    allowed: list[str]


class StatementLine(Out):
    member_id: UUID
    name: str
    events: int
    points: int


class StatementOut(Out):
    """An employer's month. Named are only those who consented (`employer_statement`), in no order of merit; counts include all."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "enterprise_id": ID, "enterprise": "顺风速递兖州站", "month": "2026-10", "status": "final", "members": 3,
                    "members_listed": 1, "points_total": 90, "points_listed": 30,
                    "lines": [{"member_id": ID, "name": "王小明", "events": 2, "points": 30}],
                }
            ]
        }
    }

    enterprise_id: UUID
    enterprise: str
    month: str
    status: Literal["open", "final"]
    members: int
    members_listed: int
    points_total: int
    points_listed: int
    lines: list[StatementLine]


class PublicityLine(Out):
    name: str
    points: int


class PublicityOut(Out):
    """A quarter's list: consented, masked, never ordered by points."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "year": 2026, "quarter": 3, "objections_until": "2026-10-31", "items": [{"name": "王*", "points": 120}],
                    "next_cursor": None,
                }
            ]
        }
    }

    year: int
    quarter: int
    objections_until: date
    items: list[PublicityLine]
    next_cursor: None


class ObjectionIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"reason": "名单中有人未参加活动"}]}}

    reason: Note


class ObjectionOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"id": ID, "status": "received", "at": "2026-10-08T02:11:09Z"}]}}

    id: UUID
    status: Literal["received"]
    at: Instant
