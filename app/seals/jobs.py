"""The hourly anchor, and the nightly proof."""

from app import clock
from app.jobs.registry import Context, every
from app.observability import get_logger
from app.seals import alarms, anchors, archiving, queries, running
from app.security import sealing

log = get_logger(__name__)

SUNDAY = 6


@every("0 * * * *", "seals.anchor")
async def anchor(context: Context) -> None:
    """Writes the head of the chain where whoever can change the database cannot change it."""
    async with context.database.reader() as session:
        head, ring = await queries.head(session), sealing.ring(session)
    if head is not None:
        await anchors.write(context.store, ring, head)


@every("50 18 * * *", "seals.verify")
async def verify(context: Context) -> None:
    """Before three in the morning of Shanghai: what was sealed since the night before; on Sundays everything."""
    since = 1 if clock.today().weekday() == SUNDAY else await running.lately(context.database)
    verdict = await running.check(context.database, context.store, since=since)
    log.info(
        "seals.verified", clean=verdict.clean, since=since, blocks=verdict.blocks, links=verdict.links, rows=verdict.rows,
        anchors=verdict.anchors, seconds=round(verdict.seconds, 1),
    )
    if not verdict.clean:
        await alarms.raise_alarm(context.database, list(verdict.findings()))


@every("35 19 * * *", "seals.archive")
async def archive(context: Context) -> None:
    """After half past three of Shanghai: what the trail no longer holds itself goes into files, and files end in their turn."""
    moved = await archiving.archive(context.database, context.store)
    ended = await archiving.end(context.database, context.store)
    log.info("seals.archived", rows=moved, ended=ended)
