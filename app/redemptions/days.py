"""Heads for the days of a store that are over."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.audit import service as audit_service
from app.db.base import new_id
from app.db.session import AsyncSession
from app.redemptions import queries_days
from app.redemptions.models_days import StoreDayHead


async def finish(session: AsyncSession, *, store_id: UUID) -> int:
    """Writes the heads that are missing; returns how many. Two at once make the same ones: the second finds them there.

    The newest is told in the trail, which the chain of all history seals: so the last days of a store cannot be cut off unseen either.
    """
    missing = await queries_days.missing(session, store_id=store_id)
    if not missing:
        return 0
    rows = [
        {
            "id": new_id(), "store_id": store_id, "day": one.day, "count": one.count, "undone": one.undone, "cents": one.cents,
            "previous": one.previous, "head": one.head,
        }
        for one in missing
    ]
    done = await session.exec(insert(StoreDayHead).values(rows).on_conflict_do_nothing())
    if done.rowcount:
        audit_service.record(
            session, "redemption.finish_days", object_kind="store", object_id=store_id, days=done.rowcount,
            day=str(missing[-1].day), head=missing[-1].head.hex(),
        )
        await session.flush()
    return done.rowcount
