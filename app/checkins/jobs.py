"""What the clock does to appointments: those that end soon are told about. That one has ended its dates say, no job."""

from app.checkins import service
from app.jobs.registry import Context, every

BATCH = 500


@every("20 1 * * *", "checkins.remind")
async def remind(context: Context) -> None:
    """Twenty past nine in the morning. Each appointment is told about once, in the transaction that notes it."""
    told = BATCH
    while told == BATCH:
        async with context.database.transaction() as session:
            told = await service.remind(session, limit=BATCH)
