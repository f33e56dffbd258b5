"""What auth does by the clock: forgetting sessions, counted guesses and remembered answers that nobody needs any more."""

from collections.abc import Awaitable, Callable

from app.auth import service
from app.db.session import AsyncSession
from app.idempotency import service as idempotency_service
from app.jobs.registry import Context, every
from app.security import throttles

ROUNDS = 20  # of one sweep; what is left waits for the next run


@every("*/10 * * * *", "auth.sweep_hits")
async def sweep_hits(context: Context) -> None:
    await _sweep(context, throttles.sweep)


@every("7 * * * *", "auth.sweep_answers")
async def sweep_answers(context: Context) -> None:
    await _sweep(context, idempotency_service.sweep)


@every("27 18 * * *", "auth.sweep_sessions")
async def sweep_sessions(context: Context) -> None:
    await _sweep(context, service.sweep_sessions)


async def _sweep(context: Context, once: Callable[[AsyncSession], Awaitable[int]]) -> None:
    """In transactions of their own, so that a long backlog holds no locks for long."""
    for _ in range(ROUNDS):
        async with context.database.transaction() as session:
            gone = await once(session)
        if not gone:
            return
