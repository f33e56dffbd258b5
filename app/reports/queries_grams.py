"""Rows of keyed pairs that are due to be made again."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import ReportGram


async def due(session: AsyncSession, *, after: UUID | None, limit: int, but: str | None) -> Sequence[UUID]:
    """Locks the next rows whose pairs are to be made: of sentences that are new or changed, and where `but` says so not made under that.

    A row that somebody holds is left for later.
    """
    made = col(ReportGram.made_under)
    asked = sa.select(col(ReportGram.report_id)).where(made.is_(None) if but is None else made.is_distinct_from(but))
    if after is not None:
        asked = asked.where(col(ReportGram.report_id) > after)
    found = await session.exec(asked.order_by(col(ReportGram.report_id)).limit(limit).with_for_update(skip_locked=True))
    return found.scalars().all()


async def made_under(session: AsyncSession) -> Counter[str]:
    """Key and cipher → how many rows they made; those that are due under an empty name."""
    made = sa.func.coalesce(col(ReportGram.made_under), "")
    found = await session.exec(sa.select(made, sa.func.count()).group_by(sa.text("1")))
    return Counter({row[0]: row[1] for row in found.all()})
