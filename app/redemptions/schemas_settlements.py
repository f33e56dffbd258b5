"""Bodies and answers of settlements and their corrections."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from app.redemptions.models import CorrectionStatus, SettlementStatus
from app.redemptions.schemas import AT, ID, NUMBER, REWARD, STORE
from app.schemas import Body, Instant, Line, Named, Note, Out

MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"
MOST = 100_000_000  # cents of one correction


class LineOut(Out):
    """A verification that is paid."""

    verification_id: UUID
    redemption_id: UUID
    number: str
    reward: Named
    quantity: int
    cents: int
    verified_at: Instant


class DisputeOut(Out):
    """An objection and its answer. `lines` empty: something is missing."""

    lines: list[UUID]
    reason: str | None
    at: Instant
    answer: str | None
    answered_at: Instant | None


CORRECTION: dict[str, Any] = {
    "id": ID + "9", "month": "2026-11", "cents": -50, "verification_id": ID + "6", "of_month": "2026-10", "reason": "十月多结一瓶",
    "status": "approved", "included": True, "proposed_at": AT, "decided_at": AT, "version": 2, "allowed": [],
}


class CorrectionOut(Out):
    """An amount on top of the lines. `included`: it stands in this month's total. `month` is the first month that may take it."""

    model_config = {"json_schema_extra": {"examples": [CORRECTION]}}

    id: UUID
    month: str
    cents: int
    verification_id: UUID | None
    of_month: str | None
    reason: str | None
    status: CorrectionStatus
    included: bool
    proposed_at: Instant
    decided_at: Instant | None
    version: int
    allowed: list[str]


class TermsOut(Out):
    """Whom the month is paid to and how soon, as its contract said at the closing. The whole account stands in no answer."""

    contract_id: UUID
    number: str
    payee_name: str
    account_last4: str
    pay_within_days: int


class HeadOut(Out):
    """The head of the store's last day of the month: it chains the days before."""

    day: date
    head: str


LINE: Any = {
    "verification_id": ID + "6", "redemption_id": ID + "5", "number": NUMBER, "reward": REWARD, "quantity": 1, "cents": 100,
    "verified_at": AT,
}


class SettlementOut(Out):
    """One store's month. A month that nobody has closed is `open`, has no version and changes with every verification.

    `total_cents` is what is paid: the lines and the corrections that are `included`. What a closing fixed stays under `digest`; `intact`
    says whether the rows still come to it (null for a month that is open, or that was closed before digests were kept).
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "store": STORE, "month": "2026-11", "status": "open", "count": 1, "lines_cents": 100,
                    "total_cents": 50, "lines": [LINE], "corrections": [CORRECTION], "disputes": [], "contract": None, "pay_by": None,
                    "head": None, "digest": None, "intact": None, "closed_at": None, "confirm_by": None, "confirmed_at": None,
                    "confirmed_by_silence": False,
                    "paid_at": None, "payment_reference": None, "version": None, "allowed": [],
                }
            ]
        }
    }

    store: Named
    month: str
    status: SettlementStatus
    count: int
    lines_cents: int
    total_cents: int
    lines: list[LineOut]
    corrections: list[CorrectionOut]
    disputes: list[DisputeOut]
    contract: TermsOut | None
    pay_by: date | None
    head: HeadOut | None
    digest: str | None
    intact: bool | None
    closed_at: Instant | None
    confirm_by: date | None
    confirmed_at: Instant | None
    confirmed_by_silence: bool
    paid_at: Instant | None
    payment_reference: str | None
    version: int | None
    allowed: list[str]


MONTH_EXAMPLE: dict[str, Any] = {
    "month": "2026-10", "status": "closed", "count": 12, "total_cents": 1800, "confirm_by": "2026-11-09", "pay_by": None, "version": 1,
    "allowed": ["confirm", "dispute"],
}


class MonthOut(Out):
    """One month of a store in a list."""

    model_config = {"json_schema_extra": {"examples": [MONTH_EXAMPLE]}}

    month: str
    status: SettlementStatus
    count: int
    total_cents: int
    confirm_by: date | None
    pay_by: date | None
    version: int | None
    allowed: list[str]


def _distinct(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) != len(ids):
        raise ValueError("明细不能重复")
    return ids


class DisputeIn(Body):
    """The lines in question (their verification ids), and why; no lines: something is missing."""

    model_config = {"json_schema_extra": {"examples": [{"lines": [ID + "6"], "reason": "金额与约定不符"}]}}

    lines: Annotated[list[UUID], Field(max_length=1000), AfterValidator(_distinct)]
    reason: Note


class AnswerIn(Body):
    """What the administrator says to an objection."""

    model_config = {"json_schema_extra": {"examples": [{"note": "已核对，按约定单价结算"}]}}

    note: Note


class PayIn(Body):
    """The reference of the payment."""

    model_config = {"json_schema_extra": {"examples": [{"reference": "转账 20261203-018"}]}}

    reference: Line


def _not_zero(cents: int) -> int:
    if cents == 0:
        raise ValueError("金额不能为零")
    return cents


class CorrectionIn(Body):
    """What is added (or, below 0, taken off), why, and what of which closed month it puts right."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"cents": -50, "reason": "十月多结一瓶", "of_month": "2026-10", "verification_id": ID + "6"},
                {"cents": 50, "reason": "补差"},
            ]
        }
    }

    cents: Annotated[int, Field(ge=-MOST, le=MOST, strict=True), AfterValidator(_not_zero)]
    reason: Note
    of_month: Annotated[str, StringConstraints(pattern=MONTH)] | None = None
    verification_id: UUID | None = None
