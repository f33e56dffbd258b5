"""Bodies and answers of the ledger."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from app.schemas import Body, Instant, Note, Out

MOST = 1_000_000  # points; nothing that a county gives by hand is larger


def _not_zero(amount: int) -> int:
    if amount == 0:
        raise ValueError("不能为 0")
    return amount


Amount = Annotated[int, Field(ge=-MOST, le=MOST, strict=True), AfterValidator(_not_zero)]
ID = "01933c5e-7a00-7000-8000-000000000001"


class Expiring(Out):
    amount: int
    on: date


class EarningStop(Out):
    until: date


class StandingOut(Out):
    """`expiring` sums to `available`; `on` is the last local day on which the amount can be spent.

    Up to and including `earning_stop.until` nothing is earned.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "available": 120, "held": 10, "debt": 0, "earned_12_months": 230, "level": 2,
                    "expiring": [{"amount": 120, "on": "2027-03-31"}], "earning_stop": None,
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
    earning_stop: EarningStop | None


class EntryReference(Out):
    type: str
    id: UUID
    number: str | None


class EntryOut(Out):
    """One event: `amount` is its effect on available − debt, `held` on what is held, `balance_after` is available − debt after it.

    `expires`: what is still available of what it brought, and the last local day of it; `debt_settled`: what a debt took first.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID, "kind": "earn", "amount": 10, "held": 0, "balance_after": 130, "rule_code": "REPORT_ACCEPTED",
                    "rule_version": 1, "reason": "上报已受理（上报 R20261122-000017），按积分规则第 1 版获得 10 分；其中 4 分先抵扣欠分",
                    "reference": {"type": "report", "id": ID, "number": "R20261122-000017"}, "at": "2026-11-22T02:11:09Z",
                    "expires": [{"amount": 6, "on": "2027-03-31"}], "debt_settled": 4,
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
    expires: list[Expiring]
    debt_settled: int


class AwardOutcome(Out):
    """Points for one thing: what was credited, and what caps or conditions kept back, with the sentence and the code of why."""

    model_config = {
        "json_schema_extra": {"examples": [{"credited": 0, "withheld": 10, "reason": "当日同类积分已达 5 次上限", "code": "day_cap"}]}
    }

    credited: int
    withheld: int
    reason: str | None
    code: str | None


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
