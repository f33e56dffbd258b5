"""Signals are made anew as a whole, under the lock of their report, and go with the person who filed it."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports import queries as reports_queries
from app.reports.models import Report
from app.signals import queries, workflow
from app.signals.models import ReportSignal


async def recompute(session: AsyncSession, *, report_id: UUID) -> None:
    """Replaces the signals of a report. A rounded place says nothing any more: what was noted while it was exact stays."""
    report = (await reports_queries.lock(session, report_id)).get(report_id)
    if report is None or report.place_rounded_at is not None:
        return
    found = workflow.signals(await queries.evidence(session, report))
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id) == report_id))
    session.add_all([ReportSignal(report_id=report_id, kind=kind, facts=facts) for kind, facts in found.items()])
    await session.flush()


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Locks the person's reports first: a job that is at work on one of them would write after the deletion otherwise."""
    own = await session.exec(
        sa.select(col(Report.id)).where(col(Report.member_id) == member_id).order_by(col(Report.id)).with_for_update()
    )
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id).in_(own.scalars().all())))


async def drop(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Takes the signals of these reports away; whoever calls holds their rows."""
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id).in_(ids)))
