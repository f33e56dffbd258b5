"""What was merged with what: the rows that a merge or its undoing touches, and the people who report by them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.reports import queries
from app.reports.models import Report, ReportEvent, ReportJoin
from app.reports.workflow import Command

MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who reports by a merged report: their own, or one that they joined."""

    member_id: UUID
    merged_from: UUID
    reported_at: datetime


async def lock_family(session: AsyncSession, *report_ids: UUID) -> dict[UUID, Report]:
    """Locks the reports, what they are merged into, and all that is merged into any of these, in the order of their ids.

    The family is read again once it is held: somebody may have merged meanwhile. Parts of it may lie outside of the caller's reach, which
    is judged under these locks.
    """
    rows: dict[UUID, Report] = {}
    async with acting.serving(session, Reason.MERGE):
        for _ in range(MOST_TRIES):
            family = await _family(session, report_ids)
            if family <= rows.keys():
                break
            rows = await queries.lock(session, *family)
    return rows


async def _family(session: AsyncSession, report_ids: Collection[UUID]) -> set[UUID]:
    asked = col(Report.id).in_(report_ids)
    heads = sa.select(col(Report.id)).where(asked).union(
        sa.select(col(Report.merged_into)).where(asked, col(Report.merged_into).is_not(None))
    ).cte()
    below = sa.select(col(Report.id)).where(col(Report.merged_into).in_(sa.select(heads.c.id)))
    found = await session.exec(sa.select(heads.c.id).union(below))
    return set(found.scalars().all())


async def history(session: AsyncSession, *, into_id: UUID) -> dict[UUID, UUID]:
    """All that is merged into a report, each with what a reviewer merged it into: it may have come along with that."""
    found = await session.exec(
        sa.select(col(ReportEvent.report_id), col(ReportEvent.facts)["into_id"].astext)
        .join(Report, col(Report.id) == col(ReportEvent.report_id))
        .where(col(Report.merged_into) == into_id, col(ReportEvent.command) == Command.MERGE.value)
        .ext(distinct_on(col(ReportEvent.report_id))).order_by(col(ReportEvent.report_id), col(ReportEvent.id).desc())
    )
    return {report_id: UUID(into_id) for report_id, into_id in found.all()}


async def branch(session: AsyncSession, report: Report) -> set[UUID]:
    """What had been merged into a report before it was merged itself, over all steps, and stands beside it now."""
    assert report.merged_into is not None
    into = await history(session, into_id=report.merged_into)
    into.pop(report.id, None)
    return {report_id for report_id in into if _leads_to(report_id, report.id, into)}


def _leads_to(report_id: UUID, goal: UUID, into: dict[UUID, UUID]) -> bool:
    """Every report was merged later than what was merged into it, so that no chain comes back to where it was."""
    at: UUID | None = report_id
    for _ in range(len(into) + 1):
        at = into.get(at) if at is not None else None
        if at == goal:
            return True
    return False


async def people(session: AsyncSession, *, into: Report) -> list[Person]:
    """Everybody who reports by what is merged into a report, but for who filed it; each once, as they first reported it."""
    merged, by = col(Report.merged_into) == into.id, sa.func.coalesce(col(ReportJoin.merged_from), col(ReportJoin.report_id))
    own: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Report.member_id), col(Report.id).label("merged_from"), col(Report.created_at)).where(merged)
    )
    joined: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(ReportJoin.member_id), by, col(ReportJoin.created_at))
        .join(Report, col(Report.id) == col(ReportJoin.report_id)).where(merged)
    )
    every = own.union_all(joined).subquery()
    found = await session.exec(
        sa.select(every).where(every.c.member_id != into.member_id).ext(distinct_on(every.c.member_id))
        .order_by(every.c.member_id, every.c.created_at, every.c.merged_from)
    )
    return [Person(*row) for row in found.all()]
