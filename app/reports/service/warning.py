"""What clocks do by themselves: warnings before a limit passes, limits moved by a changed calendar, rows that were missed."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.reports import queries, queries_clocks, reckoning
from app.reports.models import Report
from app.reports.service import clocks, telling
from app.reports.words import Stage

SAID = {50: "时限已过半", 80: "时限已用去八成"}


async def warn(session: AsyncSession, *, report_id: UUID) -> None:
    """Tells whose turn it is that a share of the limit has passed, each share once: the lock makes a second worker read what the first did.

    The limit itself is told by `upkeep.tell_overdue`.
    """
    report, now = await _locked(session, report_id)
    run = await queries_clocks.running(session, report) if report else None
    if report is None or run is None or run.warn_at is None or run.warn_at > now:
        return
    rule = await queries_clocks.ruler_of(session, run, now=now)
    share, before = reckoning.reached(run, rule, now), run.warned
    run.warned = max(share, before) if share != reckoning.WHOLE else before
    run.warn_at = None if share == reckoning.WHOLE else reckoning.warn_at(run, rule, now)
    session.add(run)
    if run.warned == before:
        return
    audit_service.record(
        session, "report.warn", object_kind="report", object_id=report.id, area_path=report.area_path, stage=run.stage.value, share=share
    )
    await session.flush()
    body = f"{SAID[share]}，请留意。"
    if run.stage is Stage.HANDLE:
        await telling.assignee(session, report, title="派单时限提醒", body=body, but=None)
    else:
        await telling.reviewers(session, report, title="上报时限提醒", body=body)


async def recount(session: AsyncSession, *, report_id: UUID) -> bool:
    """Sets a running limit again by the calendar of now; nothing when that says the same. Returns whether it moved."""
    report, now = await _locked(session, report_id)
    if report is None:
        return False
    before = report.due_at
    if not await clocks.recount(session, report=report, now=now):
        return False
    assert before is not None and report.due_at is not None
    audit_service.record(
        session, "report.recount_clock", object_kind="report", object_id=report.id, area_path=report.area_path,
        due_before=before.isoformat(), due_at=report.due_at.isoformat(),
    )
    return True


async def mend(session: AsyncSession, *, report_id: UUID) -> None:
    """Gives a report whose limit runs without a row one that adopts it: software before this filed or moved it."""
    report, now = await _locked(session, report_id)
    if report is not None and report.due_stage is not None and await queries_clocks.running(session, report) is None:
        await clocks.adopt(session, report, now=now)


async def _locked(session: AsyncSession, report_id: UUID) -> tuple[Report | None, datetime]:
    report = (await queries.lock(session, report_id)).get(report_id)
    return report, (await session.exec(sa.select(queries.CLOCK))).scalar_one()
