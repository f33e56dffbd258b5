"""What time does to orders and settlements. Each in its own transaction, so that one that fails holds up no other."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from app.db.session import AsyncSession
from app.jobs.registry import Context, every
from app.redemptions import days, queries, queries_days, queries_settlements, service, settling

BATCH = 1_000


@every("*/5 * * * *", "redemption.expire")
async def expire(context: Context) -> None:
    """Ends the orders whose code does not work any more; points, stock and limit come back."""
    async with context.database.transaction() as session:
        due = await queries.due(session, limit=BATCH)
    await _each(context, due, lambda session, row: service.expire(session, redemption_id=row))


@every("7 * * * *", "settlement.silence")
async def silence(context: Context) -> None:
    """Confirms the settlements to which nobody has objected in time."""
    async with context.database.transaction() as session:
        silent = await queries_settlements.silent(session, limit=BATCH)
    await _each(context, silent, lambda session, row: settling.confirm_by_silence(session, settlement_id=row))


@every("20 19 * * *", "redemption.finish_days")
async def finish_days(context: Context) -> None:
    """Writes the heads of the days that are over, at 03:20 in Shanghai; of days that were missed too."""
    async with context.database.transaction() as session:
        stores = await queries_days.due(session)
    await _each(context, stores, lambda session, row: days.finish(session, store_id=row))


async def _each(context: Context, rows: Sequence[UUID], change: Callable[[AsyncSession, UUID], Awaitable[object]]) -> None:
    failed: list[Exception] = []
    for row in rows:
        try:
            async with context.database.transaction() as session:
                await change(session, row)
        except Exception as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("rows that could not be changed", failed)
