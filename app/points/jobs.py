"""What the ledger does by the clock: points lapse, people are told beforehand, months begin with a level."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app import clock
from app.db.session import AsyncSession
from app.jobs.registry import Context, every
from app.points import queries, queries_levels, service

PAGE = 500  # members that are looked up at once
BATCH = 50  # members whose balances stand still while they are told something

Find = Callable[..., Awaitable[Sequence[UUID]]]
Change = Callable[[AsyncSession, Sequence[UUID]], Awaitable[Any]]


@every("10 16 * * *", "points.expire")
async def expire(context: Context) -> None:
    """Ten past midnight in Shanghai. One transaction per member: a failure loses one person's turn until tomorrow, no more."""
    today = await _today(context)

    async def lapse(session: AsyncSession, members: Sequence[UUID]) -> None:
        await service.expire(session, member_id=members[0], today=today)

    await _each(context, queries.members_with_lapsed, lapse, at_once=1, today=today)


@every("0 1 * * *", "points.remind")
async def remind(context: Context) -> None:
    """Nine in the morning: who has points that lapse within 60, 30 or 7 days hears how many, once each; a missed day is made up for."""
    today = await _today(context)

    async def tell(session: AsyncSession, members: Sequence[UUID]) -> None:
        await service.remind(session, member_ids=members, today=today)

    await _each(context, queries.members_to_remind, tell, at_once=BATCH, today=today)
    async with context.database.transaction() as session:
        await service.sweep_reminders(session, today=today)


@every("20 16 * * *", "points.levels")
async def levels(context: Context) -> None:
    """Twenty past midnight in Shanghai, on the 1st for everybody; every night, so that it makes up for what was missed."""
    month = clock.month_start(await _today(context))

    async def begin(session: AsyncSession, members: Sequence[UUID]) -> None:
        await service.begin_month(session, member_ids=members, month=month)

    await _each(context, queries_levels.without_level, begin, at_once=BATCH, month=month)


async def _today(context: Context) -> date:
    """By the database's clock: a worker whose own runs ahead takes nothing early."""
    async with context.database.reader() as reader:
        return await queries.today(reader)


async def _each(context: Context, find: Find, change: Change, *, at_once: int, **facts: Any) -> None:
    """Every member that is found, in ascending order, so many in a transaction. Those that fail hold up no others."""
    failed: list[Exception] = []
    async for page in _pages(context, find, facts):
        for first in range(0, len(page), at_once):
            try:
                async with context.database.transaction() as session:
                    await change(session, page[first : first + at_once])
            except Exception as error:
                failed.append(error)
    if failed:
        raise ExceptionGroup("members whose turn is lost until the next run", failed)


async def _pages(context: Context, find: Find, facts: dict[str, Any]) -> AsyncIterator[Sequence[UUID]]:
    """Goes on behind the last member of each page: what stays due after its turn is not found again in this run."""
    after: UUID | None = None
    while True:
        async with context.database.reader() as reader:
            page = await find(reader, after=after, limit=PAGE, **facts)
        if not page:
            return
        yield page
        after = page[-1]
