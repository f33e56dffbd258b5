"""What keeps the summaries current, and looks whether they are right."""

import sqlalchemy as sa

from app.jobs.registry import Context, every
from app.observability import get_logger
from app.statistics import rebuilding, service

log = get_logger(__name__)


@every("* * * * *", "statistics.roll_up")
async def roll_up(context: Context) -> None:
    """Counts what was written since the last minute; each batch in a transaction of its own."""
    done = service.BATCH
    while done == service.BATCH:
        async with context.database.transaction() as session:
            done = await service.roll_up(session)


@every("47 18 * * *", "statistics.check")
async def check(context: Context) -> None:
    """Nightly in China: a difference between summaries and event log is an error in the log, which operators are alerted by."""
    async with context.database.transaction() as session:
        await session.exec(sa.text("set local statement_timeout = '900s'"))
        for difference in await rebuilding.differences(session):
            log.error("statistics.differ", table=difference.table, count=difference.count, sample=difference.sample)
