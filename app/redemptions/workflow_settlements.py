"""The pure rules of what a month comes to: which corrections it has room for, what its digest covers, until when it is disputed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from app.auth.principal import Principal
from app.redemptions.models import CorrectionStatus, Settlement, SettlementCorrection, SettlementStatus
from app.redemptions.workflow import Standing

PAY_DAYS = 10  # working days in which a confirmed month is paid where no contract says otherwise


@dataclass(frozen=True, slots=True)
class Line:
    """One verification that is paid."""

    verification_id: UUID
    redemption_id: UUID
    number: str
    reward_id: UUID
    reward_name: str
    quantity: int
    cents: int
    verified_at: datetime


def is_late(settlement: Settlement | None, today: date) -> bool:
    """Is the last day to object over? From then on silence has confirmed it, though the job may not have come by yet."""
    return settlement is not None and settlement.confirm_by < today


def fitting(lines_cents: int, due: Iterable[SettlementCorrection]) -> list[SettlementCorrection]:
    """The corrections that a month takes, of those that are due (oldest first): no store is ever asked to pay.

    What the store gets more is taken first, so that it makes room. One that does not fit waits whole, and holds up no smaller one.
    """
    ordered = list(due)
    room = lines_cents + sum(one.cents for one in ordered if one.cents > 0)
    taken = {one.id for one in ordered if one.cents > 0}
    for one in ordered:
        if one.cents < 0 <= room + one.cents:
            room += one.cents
            taken.add(one.id)
    return [one for one in ordered if one.id in taken]


def approved(corrections: Iterable[SettlementCorrection]) -> list[SettlementCorrection]:
    return [one for one in corrections if one.status is CorrectionStatus.APPROVED]


def correction_allowed(correction: SettlementCorrection, principal: Principal, standing: Standing) -> list[str]:
    """The commands that the caller may give now: two persons, and neither for the own store."""
    other = standing.administrator and not standing.owner and correction.proposed_by != principal.account_id
    return ["approve", "reject"] if other and correction.status is CorrectionStatus.PENDING else []


def month_allowed(status: SettlementStatus, standing: Standing, *, begun: bool) -> list[str]:
    """What may be given to a month besides the steps of its life."""
    may = standing.administrator and not standing.owner and status is SettlementStatus.OPEN and begun
    return ["correct"] if may else []


def digest(settlement: Settlement, lines: Sequence[Line], corrections: Sequence[SettlementCorrection]) -> str:
    """SHA-256 over all that a closing fixed, as JSON without spaces: whoever has the file and the ids can count it again."""
    told = [
        "xinxin-settlement-1", str(settlement.store_id), settlement.store_name, settlement.month.isoformat(), settlement.total_cents,
        settlement.contract_number, settlement.payee_name, settlement.account_last4, settlement.pay_within_days,
        [
            [str(line.verification_id), line.number, line.reward_name, line.quantity, line.cents, _instant(line.verified_at)]
            for line in sorted(lines, key=lambda line: line.verification_id)
        ],
        [
            [str(one.id), one.cents, one.of_month and one.of_month.isoformat(), one.verification_id and str(one.verification_id)]
            for one in sorted(corrections, key=lambda one: one.id)
        ],
        settlement.head_day and settlement.head_day.isoformat(), settlement.head,
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
