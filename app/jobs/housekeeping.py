"""The queue's own periodic work."""

from app.jobs import service
from app.jobs.registry import Context, every


@every("20 19 * * *", "jobs.sweep")
async def sweep(context: Context) -> None:
    """Nightly in China: the queue's log is cut to two weeks."""
    async with context.database.transaction() as session:
        await service.sweep(session)
