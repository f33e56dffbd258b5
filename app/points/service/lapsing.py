"""Points whose last day is over leave: every night, and before anything else is done with a member's lots."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from uuid import UUID

from app.audit import service as audit_service
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import ledger
from app.points.ledger import Cause, Leg, Reference
from app.points.models import Kind, LedgerAccount
from app.points.workflow import Lot, Part


async def expire(session: AsyncSession, *, member_id: UUID, today: date) -> int:
    """Lapses the member's lots whose last day is before `today`; returns the points. Running it again changes nothing."""
    await ledger.lock(session, member_id)
    return await _lapse(session, member_id, [lot for lot in await ledger.open_lots(session, member_id) if lot.expires_on < today])


async def good_lots(session: AsyncSession, member_id: UUID) -> tuple[list[Lot], int]:
    """The lots that can be spent, and how many points lapsed just now: the night's run may be late. The caller holds the balance row."""
    lots = await ledger.open_lots(session, member_id)
    return [lot for lot in lots if not lot.lapsed], await lapse_over(session, member_id, lots)


async def lapse_over(session: AsyncSession, member_id: UUID, lots: Iterable[Lot]) -> int:
    """Lapses what is left of those lots whose last day is over; returns the points. The caller holds the balance row."""
    return await _lapse(session, member_id, [lot for lot in lots if lot.lapsed and lot.remaining])


async def _lapse(session: AsyncSession, member_id: UUID, lots: Sequence[Lot]) -> int:
    """Takes the whole rest of each lot: a transaction for each last day, which is the number that its line shows."""
    for day, group in groupby(sorted(lots, key=lambda lot: (lot.expires_on, lot.id)), key=lambda lot: lot.expires_on):
        parts = [Part(lot.id, lot.remaining) for lot in group]
        legs = [Leg(LedgerAccount.AVAILABLE, -part.points, part.lot_id) for part in parts]
        points, reference = sum(part.points for part in parts), Reference("lapse", new_id(), day.isoformat())
        legs.append(Leg(LedgerAccount.EXPIRED, points))
        await ledger.post(
            session, member_id=member_id, kind=Kind.EXPIRE, legs=legs, reference=reference, cause=Cause("lapsed"),
            shifts=ledger.drawn(parts),
        )
        audit_service.record(
            session, "points.lapse", object_kind="lapse", object_id=reference.id, member_id=str(member_id), points=points
        )
    return sum(lot.remaining for lot in lots)
