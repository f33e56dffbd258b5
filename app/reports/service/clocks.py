"""The limit that runs: set by each state, moved by an extension, stopped while suspended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.categories import queries as categories_queries
from app.categories.models import Severity
from app.db.session import AsyncSession
from app.reports import workflow
from app.reports.models import Report
from app.reports.words import Status
from app.reports.workflow import Clock, Limit
from app.workdays import queries as workdays_queries


async def turn(session: AsyncSession, report: Report, *, to: Status, now: datetime) -> None:
    """Sets stage and limit for the state that comes. Called while the report still shows the state that was."""
    stage = workflow.STAGES[to]
    if (report.status, to) in workflow.KEEPS_DUE and report.due_stage is stage and report.due_at is not None:
        return
    report.overdue_told_at = None
    report.due_stage = stage
    if stage is None:
        report.due_at = None
        return
    limits = await _limits(session, report)
    if report.status is Status.SUSPENDED and report.paused_at is not None and report.due_at is not None:
        report.due_at = await _moved(session, Clock(limits["clock"]), report.due_at, report.paused_at, now)
    else:
        report.due_at = await _after(session, now, workflow.limit(stage, limits))


def extend(report: Report, *, until: datetime, now: datetime) -> None:
    """Moves the running limit. While suspended, what is left of it counts from now."""
    report.due_at, report.overdue_told_at = until, None
    report.extension_count += 1
    if report.paused_at is not None:
        report.paused_at = now


def later_than(until: datetime | None, now: datetime) -> datetime | None:
    """The end of a suspension; one that has passed while its request waited is none."""
    return until if until is not None and until > now else None


async def _limits(session: AsyncSession, report: Report) -> Mapping[str, Any]:
    if report.severity is Severity.NORMAL and report.category_code is None:
        return workflow.DEFAULT_LIMITS[Severity.NORMAL]
    category = await categories_queries.get(session, report.category_code)
    return workflow.limits_of(report.severity, category.severity if category else None, category.limits if category else None)


async def _after(session: AsyncSession, start: datetime, limit: Limit) -> datetime:
    if limit.clock is Clock.CALENDAR:
        return start + timedelta(minutes=limit.minutes, days=limit.days)
    if limit.days:
        return await workdays_queries.add_days(session, start=start, days=limit.days)
    return await workdays_queries.add_minutes(session, start=start, minutes=limit.minutes)


async def _moved(session: AsyncSession, clock: Clock, due_at: datetime, paused_at: datetime, now: datetime) -> datetime:
    """The limit with what was left of it when the clock stopped. One that had passed already stays."""
    if due_at <= paused_at:
        return due_at
    if clock is Clock.CALENDAR:
        return now + (due_at - paused_at)
    left = await workdays_queries.minutes_between(session, start=paused_at, end=due_at)
    return await workdays_queries.add_minutes(session, start=now, minutes=left)
