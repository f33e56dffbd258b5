"""Reading clocks: the runs of a report, the calendar that they are counted by, what is to be warned of, recounted, listed as overdue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.reports import reckoning, workflow
from app.reports.models import Report
from app.reports.models_clocks import ReportClock
from app.reports.queries import CLOCK
from app.reports.queries_lines import LINES, Line, told
from app.reports.reckoning import Ruler
from app.reports.words import Stage
from app.reports.workflow import Clock
from app.workdays import queries as workdays_queries
from app.workdays.workflow import DAY_MINUTES, MINUTE, Calendar

AT_ONCE = 500
RUNNING = col(ReportClock.ended_at).is_(None)
# The last pause has no end: the clock stands still.
PAUSED = col(ReportClock.pauses).bool_op("@>")(sa.text("""'[{"to": null}]'::jsonb"""))


async def running(session: AsyncSession, report: Report) -> ReportClock | None:
    """The run of the report's stage. A row of another stage is none: software before this wrote on without it."""
    found = await session.exec(
        sa.select(ReportClock).where(col(ReportClock.report_id) == report.id, RUNNING, col(ReportClock.stage) == report.due_stage)
        .execution_options(populate_existing=True)
    )
    run: ReportClock | None = found.scalars().first()
    return run


async def runs(session: AsyncSession, *, report_id: UUID) -> Sequence[ReportClock]:
    """Every run of a report, the first one first."""
    found = await session.exec(
        sa.select(ReportClock).where(col(ReportClock.report_id) == report_id).order_by(col(ReportClock.id))
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


async def ruler(session: AsyncSession, limit: Mapping[str, Any], *, start: datetime, end: datetime) -> Ruler:
    """What measures under this limit from `start` to `end`, and as long after it as the whole limit, or that span, can take."""
    if limit["clock"] != Clock.WORKING:
        return reckoning.ruler(limit, Calendar())
    minutes = max(reckoning.length(limit) // MINUTE, (end - start).days * DAY_MINUTES, 1)
    return reckoning.ruler(limit, await workdays_queries.calendar(session, start=start, end=end, minutes=minutes))


async def ruler_of(session: AsyncSession, run: ReportClock, *, now: datetime) -> Ruler:
    """What measures a run until now and beyond its due time."""
    return await ruler(session, run.limit, start=run.started_at, end=max(now, run.due_at))


async def calendar_of(session: AsyncSession, found: Sequence[ReportClock], *, now: datetime) -> Calendar:
    """The days of several runs in one statement."""
    if not found:
        return Calendar()
    start, end = min(run.started_at for run in found), max(now, *(run.due_at for run in found))
    longest = max(*(reckoning.length(run.limit) // MINUTE for run in found), (end - start).days * DAY_MINUTES, 1)
    return await workdays_queries.calendar(session, start=start, end=end, minutes=longest)


async def to_warn(session: AsyncSession) -> Sequence[UUID]:
    """Reports of which a share of the limit has passed that nobody was warned of."""
    found = await session.exec(
        sa.select(col(ReportClock.report_id)).where(RUNNING, col(ReportClock.warn_at) <= CLOCK)
        .order_by(col(ReportClock.warn_at)).limit(AT_ONCE)
    )
    return found.scalars().all()


async def to_recount(session: AsyncSession, *, after: UUID | None) -> Sequence[tuple[UUID, UUID]]:
    """(run, report) of the clocks that count working time, in the order of their ids."""
    asked = sa.select(col(ReportClock.id), col(ReportClock.report_id)).where(
        RUNNING, col(ReportClock.limit)["clock"].astext == Clock.WORKING.value
    )
    if after is not None:
        asked = asked.where(col(ReportClock.id) > after)
    found = await session.exec(asked.order_by(col(ReportClock.id)).limit(AT_ONCE))
    return [(run_id, report_id) for run_id, report_id in found.all()]


async def to_mend(session: AsyncSession) -> Sequence[UUID]:
    """Open reports whose stage has no run."""
    clock = ReportClock
    run = sa.exists().where(col(clock.report_id) == col(Report.id), RUNNING, col(clock.stage) == col(Report.due_stage))
    found = await session.exec(
        sa.select(col(Report.id)).where(col(Report.ended_at).is_(None), col(Report.due_at).is_not(None), ~run)
        .order_by(col(Report.id)).limit(AT_ONCE)
    )
    return found.scalars().all()


@dataclass(frozen=True, slots=True)
class Late:
    """A report that is past the limit of its stage."""

    line: Line
    run: ReportClock


async def overdue(
    session: AsyncSession, *, principal: Principal, stage: Stage | None, limit: int, after: UUID | None
) -> list[Late]:
    """Reports of the caller's areas that are past their limit, longest due first, one more than `limit`; `after` is a run.

    Raises Forbidden for a caller who holds no grant of staff.
    """
    if not principal.has(*workflow.STAFF):
        raise Forbidden
    clock = ReportClock
    asked = (
        LINES.add_columns(col(clock.id).label("run_id")).join(clock, sa.and_(col(clock.report_id) == col(Report.id), RUNNING))
        .where(
            within(Report.area_path, principal.area_paths(*workflow.STAFF)), col(clock.due_at) < CLOCK,
            col(clock.stage) != Stage.FEEDBACK, ~PAUSED,
        )
        .order_by(col(clock.due_at), col(clock.id)).limit(limit + 1)
    )
    if stage is not None:
        asked = asked.where(col(clock.stage) == stage)
    if after is not None:
        last = sa.select(col(clock.due_at), col(clock.id)).where(col(clock.id) == after).scalar_subquery()
        asked = asked.where(sa.tuple_(col(clock.due_at), col(clock.id)) > last)
    page = told(asked).add_columns(clock).join(clock, col(clock.id) == sa.column("run_id"))
    found = await session.exec(page, params={"caller": principal.account_id})
    return [Late(Line.of(row._mapping), row[-1]) for row in found.all()]
