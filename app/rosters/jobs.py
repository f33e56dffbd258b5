"""Working through rosters, matching them again, sweeping them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from app.jobs.registry import Context, every, handles
from app.rosters import matching, service


@handles("rosters.import")
async def take_in(context: Context, payload: dict[str, Any]) -> None:
    """A transaction for each chunk, so that the progress can be seen and a killed worker's part is not lost."""
    roster_id = UUID(payload["roster_id"])

    async def work() -> None:
        more = True
        while more:
            async with context.database.transaction() as session:
                more = await matching.step(session, roster_id=roster_id)

    await _counted(context, roster_id, work)


@handles("rosters.rematch")
async def rematch(context: Context, payload: dict[str, Any]) -> None:
    roster_id = UUID(payload["roster_id"])

    async def work() -> None:
        async with context.database.transaction() as session:
            await matching.rematch(session, roster_id=roster_id)

    await _counted(context, roster_id, work)


@handles("rosters.match")
async def match(context: Context, payload: dict[str, Any]) -> None:
    """What the release before this one enqueued: a roster whose lines are there already."""
    await rematch(context, payload)


async def _counted(context: Context, roster_id: UUID, work: Callable[[], Awaitable[None]]) -> None:
    """Counts a failure before the queue tries again."""
    try:
        await work()
    except Exception:
        async with context.database.transaction() as session:
            await service.note_failure(session, roster_id=roster_id)
        raise


@every("40 17 * * *", "rosters.refresh")
async def refresh(context: Context) -> None:
    """In the night of Shanghai."""
    async with context.database.transaction() as session:
        await service.refresh(session)


@every("*/10 * * * *", "rosters.tend")
async def tend(context: Context) -> None:
    async with context.database.transaction() as session:
        await service.tend(session)


@every("17 18 * * *", "rosters.sweep")
async def sweep(context: Context) -> None:
    async with context.database.transaction() as session:
        await service.sweep(session)
