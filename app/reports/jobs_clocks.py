"""What clocks need done: warnings by the minute, a recount when the calendar changed, rows for limits that run without one."""

from typing import Any

from app.jobs.registry import Context, every, handles
from app.observability import get_logger
from app.reports import queries_clocks, service

log = get_logger(__name__)


@every("* * * * *", "report.warn")
async def warn(context: Context) -> None:
    """Warns of limits of which a share has passed; each report in a transaction of its own."""
    async with context.database.transaction() as session:
        found = await queries_clocks.to_warn(session)
    for report_id in found:
        async with context.database.transaction() as session:
            await service.warn(session, report_id=report_id)


@handles("report.recount_clocks")
async def recount(context: Context, payload: dict[str, Any]) -> None:
    """The calendar changed: every limit that counts working time is set again by it. A second run finds nothing to move."""
    moved, after = 0, None
    while True:
        async with context.database.transaction() as session:
            found = await queries_clocks.to_recount(session, after=after)
        if not found:
            break
        for _, report_id in found:
            async with context.database.transaction() as session:
                moved += await service.recount(session, report_id=report_id)
        after = found[-1][0]
    log.info("report.clocks_recounted", moved=moved)


@every("37 * * * *", "report.mend_clocks")
async def mend(context: Context) -> None:
    """While a release before this one is still running beside us, it files and moves reports without their clocks."""
    async with context.database.transaction() as session:
        found = await queries_clocks.to_mend(session)
    for report_id in found:
        async with context.database.transaction() as session:
            await service.mend(session, report_id=report_id)
