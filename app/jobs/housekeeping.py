"""The queue's own periodic work."""

from app.jobs import service
from app.jobs.registry import Context, every


@every("* * * * *", "jobs.scout")
async def scout(context: Context) -> None:
    """What was away for half an hour is missed for a minute after it has come back, not for the rest of the last pause."""
    async with context.database.transaction() as session:
        await service.scout(session)


@every("20 19 * * *", "jobs.sweep")
async def sweep(context: Context) -> None:
    """Nightly in China: the queue's log is cut to two weeks."""
    async with context.database.transaction() as session:
        await service.sweep(session)
