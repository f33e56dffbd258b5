"""The two movements that everything but orders is made of: points come to a locked balance, or leave it."""

from typing import Any
from uuid import UUID

from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import ledger, workflow
from app.points.ledger import Balance, Cause, Leg, NewLot, Reference
from app.points.models import Kind, LedgerAccount
from app.points.service import lapsing

AVAILABLE, HELD, DEBT = LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.DEBT
ERASED = "account_erased"  # the reason of what settles a balance for good, and of an award that comes after it


async def credit(
    session: AsyncSession, member_id: UUID, balance: Balance, points: int, *, kind: Kind, reference: Reference, cause: Cause,
    judgement: dict[str, Any] | None = None,
) -> UUID:
    """Adds points to a locked balance: the debt takes its share first, the rest becomes a lot. Returns the transaction's id.

    `judgement`: of an award by a rule, its columns, written along.
    """
    settled = min(points, balance.debt)
    source = LedgerAccount.ISSUANCE if kind is Kind.EARN else LedgerAccount.ADJUSTMENT
    legs, lot = [Leg(source, -points)], None
    if settled:
        legs.append(Leg(DEBT, settled))
    if points > settled:
        lot = NewLot(new_id(), points - settled, workflow.lapse_day(balance.today))
        legs.append(Leg(AVAILABLE, points - settled, lot.id))
    return await ledger.post(
        session, member_id=member_id, kind=kind, legs=legs, reference=reference, cause=cause, lot=lot, judgement=judgement
    )


async def take_back(
    session: AsyncSession, member_id: UUID, points: int, *, kind: Kind, reference: Reference, cause: Cause, first_lot: UUID | None = None
) -> UUID:
    """Takes points from a locked balance; what the lots cannot pay becomes debt, what is held is not touched.

    What has lapsed pays nothing: it leaves first, as it would have in the night.
    """
    lots, _ = await lapsing.good_lots(session, member_id)
    parts, missing = workflow.take(lots, points, first=first_lot)
    target = LedgerAccount.ISSUANCE if kind is Kind.REVERSE else LedgerAccount.ADJUSTMENT
    legs = [Leg(target, points), *(Leg(AVAILABLE, -part.points, part.lot_id) for part in parts)]
    if missing:
        legs.append(Leg(DEBT, -missing))
    return await ledger.post(
        session, member_id=member_id, kind=kind, legs=legs, reference=reference, cause=cause, shifts=ledger.drawn(parts)
    )
