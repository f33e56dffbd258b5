"""A person leaves: what is outstanding is settled, the sentences are emptied."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.points import ledger
from app.points.ledger import Cause, Reference
from app.points.models import Kind, PointsText
from app.points.models_months import PointsLevel, PointsReminder
from app.points.service import lapsing
from app.points.service.moving import ERASED, credit, take_back


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Settles what is outstanding, empties the sentences about a member and drops what the clock wrote down; the ledger stays.

    What is available leaves by an adjustment, a debt is written off by one, so that balance and lots are at 0. The live orders have been
    cancelled before, so nothing is held.
    """
    balance = await ledger.lock(session, member_id)
    if (await lapsing.good_lots(session, member_id))[1]:
        balance = await ledger.lock(session, member_id)
    settled: dict[str, Any] = {"kind": Kind.ADJUST, "reference": Reference("erasure", member_id), "cause": Cause(ERASED)}
    if balance.available:
        await take_back(session, member_id, balance.available, **settled)
    if balance.debt:
        await credit(session, member_id, balance, balance.debt, **settled)
    await session.exec(sa.update(PointsText).where(col(PointsText.member_id) == member_id).values(text=None))
    await session.exec(sa.delete(PointsReminder).where(col(PointsReminder.member_id) == member_id))
    await session.exec(sa.delete(PointsLevel).where(col(PointsLevel.member_id) == member_id))
