"""What keeps the budget's sums current, and who hears that months wait for their closing."""

from app.budgets import reminding, service
from app.jobs.registry import Context, every


@every("*/10 * * * *", "budget.count")
async def count(context: Context) -> None:
    """Each batch in a transaction of its own."""
    done = service.BATCH
    while done == service.BATCH:
        async with context.database.transaction() as session:
            done = await service.count(session)


@every("25 * * * *", "budget.lapses")
async def lapses(context: Context) -> None:
    async with context.database.transaction() as session:
        await service.count_lapses(session)


@every("30 1 * * *", "budget.remind")
async def remind(context: Context) -> None:
    """Half past nine in Shanghai on the first working day of a month; a missed day is made up for. One who fails holds up no other."""
    async with context.database.transaction() as session:
        running = await reminding.due(session)
        told = await reminding.told_by_account(session, await reminding.waiting(session, running=running)) if running else {}
    failed: list[Exception] = []
    for account_id, rows in told.items():
        try:
            async with context.database.transaction() as session:
                assert running is not None
                await reminding.remind(session, account_id=account_id, rows=rows, running=running)
        except Exception as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("administrators who will hear it tomorrow", failed)
