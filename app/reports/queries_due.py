"""What the clock finds: ids only, each is judged again under its lock."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import Report
from app.reports.queries import CLOCK
from app.reports.words import Status

AT_ONCE = 500


async def to_resume(session: AsyncSession) -> Sequence[UUID]:
    """Suspended reports whose time is over."""
    return await _ids(session, col(Report.status) == Status.SUSPENDED, col(Report.suspended_until) <= CLOCK)


async def overdue(session: AsyncSession) -> Sequence[UUID]:
    """Reports past a limit that nobody was told about."""
    return await _ids(
        session, col(Report.due_at) < CLOCK, col(Report.overdue_told_at).is_(None),
        col(Report.status).not_in([Status.SUSPENDED, Status.AWAITING_FEEDBACK]),
    )


async def unanswered(session: AsyncSession) -> Sequence[UUID]:
    """Reports whose reporters had seven days for their feedback."""
    return await _ids(session, col(Report.status) == Status.AWAITING_FEEDBACK, col(Report.due_at) <= CLOCK)


async def _ids(session: AsyncSession, *which: sa.ColumnElement[bool]) -> Sequence[UUID]:
    found = await session.exec(
        sa.select(col(Report.id)).where(col(Report.ended_at).is_(None), *which).order_by(col(Report.due_at), col(Report.id)).limit(AT_ONCE)
    )
    return found.scalars().all()
