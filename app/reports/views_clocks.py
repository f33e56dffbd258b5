"""Clocks as answers. Staff are not named: who suspended or extended is for the audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.pagination import PageQuery
from app.reports import explaining, queries, queries_clocks, reckoning, views
from app.reports.models_clocks import ReportClock
from app.reports.queries_clocks import Late
from app.reports.words import Stage
from app.workdays.workflow import MINUTE, Calendar


async def clock(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """Every run of a report, explained. Raises NotFound."""
    seen = await queries.access(session, principal=principal, report_id=report_id)
    found = await queries_clocks.runs(session, report_id=report_id)
    calendar = await queries_clocks.calendar_of(session, found, now=seen.now)
    before: list[Stage | None] = [None, *(run.stage for run in found)]
    return {
        "report_id": report_id,
        "runs": [_run(run, calendar, seen.now, after) for run, after in zip(found, before, strict=False)],
    }


def _run(run: ReportClock, calendar: Calendar, now: datetime, after: Stage | None) -> dict[str, Any]:
    rule = reckoning.ruler(run.limit, calendar)
    return {
        "stage": run.stage, "started_at": run.started_at, "ended_at": run.ended_at, "limit": _limit(run),
        "pauses": [{"from": one["from"], "to": one["to"]} for one in run.pauses],
        "extensions": [
            {"at": one["at"], "until": one["until"], "by_request": one["request_id"] is not None} for one in run.extensions
        ],
        "paused": reckoning.paused(run), "due_at": run.due_at, "in_time": run.in_time,
        "used_percent": reckoning.use(run, rule, now).percent, "explanation": explaining.explain(run, rule, after=after),
    }


def _limit(run: ReportClock) -> dict[str, Any]:
    known, limit = "adopted" not in run.limit, run.limit
    return {
        "clock": limit["clock"], "minutes": limit["minutes"] if known else None, "days": limit["days"] if known else None,
        "severity": limit["severity"], "category_code": limit["category"], "category_version": limit["category_version"],
    }


async def overdue(session: AsyncSession, principal: Principal, found: Sequence[Late], paging: PageQuery) -> dict[str, Any]:
    """A page of what is past its limit; the cursor is a run, whose place in the order an end does not change."""
    rows, cursor = paging.cut(found, lambda late: late.run.id)
    calendar = Calendar()
    if rows:
        calendar = await queries_clocks.calendar_of(session, [late.run for late in rows], now=rows[0].line.now)
    lines = views.items(session, principal, [late.line for late in rows])
    for line, late in zip(lines, rows, strict=True):
        rule = reckoning.ruler(late.run.limit, calendar)
        line |= {"overdue_minutes": rule.between(late.run.due_at, late.line.now) // MINUTE, "overdue_clock": rule.clock}
    return {"items": lines, "next_cursor": cursor}
