"""The limit that runs: set by each state, moved by an extension, stopped while suspended. Each run of a stage leaves a row."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from app.categories import queries as categories_queries
from app.categories.leaves import Leaf
from app.categories.models import ReportCategoryVersion, Severity
from app.categories.queries import Kept
from app.db.base import fresh, new_id
from app.db.session import AsyncSession
from app.reports import queries_clocks, reckoning, workflow
from app.reports.models import Report
from app.reports.models_clocks import ReportClock
from app.reports.words import Stage, Status


class Lap(NamedTuple):
    """The run of a stage is over, and another begins where the state has a limit: to be written with the report.

    `stage`: what the report showed until now. A run of another stage than that was left behind, and nobody saw its end.
    """

    at: datetime
    stage: Stage | None
    run: ReportClock | None


async def turn(
    session: AsyncSession, report: Report, *, to: Status, now: datetime, by: UUID | None = None, request_id: UUID | None = None
) -> Lap | None:
    """Sets stage and limit for the state that comes; None while the run goes on. Called while the report still shows the state that was.

    `by` and `request_id` say who suspends, and on whose request. A report is late for good once its handling was.
    """
    stage = workflow.STAGES[to]
    if (report.status, to) in workflow.KEEPS_DUE and report.due_stage is stage and report.due_at is not None:
        if to is Status.SUSPENDED:
            await _pause(session, report, {"from": now.isoformat(), "to": None} | _why(by, request_id))
        return None
    report.overdue_told_at = None
    if report.status is Status.SUSPENDED and stage == report.due_stage and report.due_at is not None:
        await _resume(session, report, now)
        return None
    if report.due_stage is Stage.HANDLE and report.due_at is not None and report.due_at < now:
        report.late = True
    before = report.due_stage
    return Lap(now, before, await begin(session, report, to=to, now=now))


async def begin(session: AsyncSession, report: Report, *, to: Status, now: datetime) -> ReportClock | None:
    """Sets stage and limit of a report, and gives the row of the run, which the caller adds; None for a state without a limit."""
    stage = report.due_stage = workflow.STAGES[to]
    if stage is None:
        report.due_at = None
        return None
    limit = await _limit(session, report, stage)
    rule = await queries_clocks.ruler(session, limit, start=now, end=now)
    report.due_at = rule.after(now, reckoning.length(limit))
    run = fresh(
        ReportClock, id=new_id(), report_id=report.id, stage=stage, state=to, started_at=now, ended_at=None, limit=limit,
        due_at=report.due_at, pauses=[], extensions=[], warned=0, warn_at=None, in_time=None,
    )
    run.warn_at = reckoning.warn_at(run, rule, now)
    return run


async def extend(
    session: AsyncSession, report: Report, *, until: datetime, now: datetime, by: UUID | None, request_id: UUID | None = None
) -> None:
    """Moves the running limit. While suspended, what is left of it counts from now."""
    report.due_at, report.overdue_told_at = until, None
    report.extension_count += 1
    if report.paused_at is not None:
        report.paused_at = now
    run = await queries_clocks.running(session, report)
    if run is not None:
        fact = {"at": now.isoformat(), "until": until.isoformat()} | _why(by, request_id)
        run.extensions = [*run.extensions, fact]
        await _settle(session, run, due_at=until, now=now)


async def recount(session: AsyncSession, *, report: Report, now: datetime) -> bool:
    """Sets the limit again as the calendar of today gives it; says whether that moved it. The caller holds the report's lock."""
    run = await queries_clocks.running(session, report)
    if run is None:
        return False
    rule = await queries_clocks.ruler_of(session, run, now=now)
    due = reckoning.steps(run, rule)[-1].due
    if due == run.due_at:
        return False
    report.due_at = due
    report.overdue_told_at = None if due > now else report.overdue_told_at
    session.add(report)
    await _settle(session, run, due_at=due, now=now)
    return True


async def adopt(session: AsyncSession, report: Report, *, now: datetime) -> None:
    """Begins a run in the middle: it is due as the report says, and its limit is not known."""
    await session.exec(ending(report.id, now=now, stage=report.due_stage).execution_options(synchronize_session=False))
    assert report.due_stage is not None and report.due_at is not None
    limit = await _limit(session, report, report.due_stage)
    limit |= {"minutes": 0, "days": 0, "adopted": report.due_at.isoformat()}
    pauses = [{"from": report.paused_at.isoformat(), "to": None} | _why(None, None)] if report.paused_at else []
    started = min(one for one in (now, report.due_at, report.paused_at) if one)
    session.add(
        ReportClock(
            report_id=report.id, stage=report.due_stage, state=report.status, started_at=started, limit=limit, due_at=report.due_at,
            pauses=pauses,
        )
    )


async def passed(session: AsyncSession, report: Report) -> None:
    """Notes on the run that its limit was told to have passed: shares of it are no news any more."""
    await session.exec(_running(report).values(warned=reckoning.WHOLE, warn_at=None))


def later_than(until: datetime | None, now: datetime) -> datetime | None:
    """The end of a suspension; one that has passed while its request waited is none."""
    return until if until is not None and until > now else None


async def _resume(session: AsyncSession, report: Report, now: datetime) -> None:
    run = await queries_clocks.running(session, report)
    assert report.due_at is not None and report.due_stage is not None
    if run is None:
        limit = await _limit(session, report, report.due_stage)
        rule = await queries_clocks.ruler(session, limit, start=report.paused_at or now, end=max(now, report.due_at))
        report.due_at = reckoning.moved(rule, report.due_at, report.paused_at, now)
        return
    rule = await queries_clocks.ruler_of(session, run, now=now)
    report.due_at = reckoning.moved(rule, report.due_at, report.paused_at, now)
    run.pauses = [one if one["to"] else one | {"to": now.isoformat()} for one in run.pauses]
    run.due_at = report.due_at
    run.warn_at = reckoning.warn_at(run, rule, now)


async def _settle(session: AsyncSession, run: ReportClock, *, due_at: datetime, now: datetime) -> None:
    """Gives a run another due time: whoever was warned of the old one is warned anew."""
    run.due_at = due_at
    rule = await queries_clocks.ruler_of(session, run, now=now)
    run.warned = reckoning.reached(run, rule, now)
    run.warn_at = reckoning.warn_at(run, rule, now)
    session.add(run)


async def _pause(session: AsyncSession, report: Report, fact: dict[str, Any]) -> None:
    await session.exec(
        _running(report).where(col(ReportClock.stage) == report.due_stage)
        .values(pauses=col(ReportClock.pauses).op("||")(sa.literal([fact], JSONB)), warn_at=None)
    )


def ending(report_id: Any, *, now: Any, stage: Any) -> sa.Update:
    """Ends the run that goes on, if there is one."""
    clock = ReportClock
    in_time = sa.or_(col(clock.stage) == Stage.FEEDBACK, col(clock.due_at) >= now)
    return (
        sa.update(clock).where(col(clock.report_id) == report_id, col(clock.ended_at).is_(None))
        .values(
            ended_at=sa.func.greatest(now, col(clock.started_at)), warn_at=None,
            in_time=sa.case((col(clock.stage) == stage, in_time), else_=None),
        )
    )


def _running(report: Report) -> sa.Update:
    return (
        sa.update(ReportClock).where(col(ReportClock.report_id) == report.id, col(ReportClock.ended_at).is_(None))
        .execution_options(synchronize_session=False)
    )


def _why(by: UUID | None, request_id: UUID | None) -> dict[str, str | None]:
    return {"by": str(by) if by else None, "request_id": str(request_id) if request_id else None}


async def _limit(session: AsyncSession, report: Report, stage: Stage) -> dict[str, Any]:
    """The policy of a stage as it is now, with what it was taken from."""
    kept = (report.category_code, report.category_version)
    return limit_of(stage, report.severity, kept, await categories_queries.policy_of(session, kept))


def limit_of(stage: Stage, severity: Severity, kept: Kept, category: ReportCategoryVersion | Leaf | None) -> dict[str, Any]:
    """The same of a category at hand."""
    code, version = kept
    own = (category.severity, category.limits) if category else (None, None)
    limit = workflow.limit(stage, workflow.limits_of(severity, *own))
    return {
        "clock": limit.clock.value, "minutes": limit.minutes, "days": limit.days, "severity": severity.value, "category": code,
        "category_version": (version or categories_queries.FIRST) if code else None,
    }
