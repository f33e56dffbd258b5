"""What discounts do by the clock: marks are forgotten when their day is over."""

from app.discounts import service
from app.jobs.registry import Context, every

ROUNDS = 100  # of one sweep; what is left waits for the next run


@every("5 19 * * *", "discounts.sweep_marks")
async def sweep_marks(context: Context) -> None:
    """A little after 03:00 in China, when yesterday's marks have served. In transactions of their own, so that none is long."""
    for _ in range(ROUNDS):
        async with context.database.transaction() as session:
            gone = await service.sweep(session)
        if not gone:
            return
