"""Does a Retry-After say the truth? Time is moved in the rows of the counters, never waited for."""

from collections.abc import Awaitable, Callable

import httpx

from app.db.session import AsyncSession
from tests.auth.calls import execute

Try = Callable[[], Awaitable[httpx.Response]]
EARLY_S = 3


async def guessed_until_stopped(session: AsyncSession, guess: Try, *, limit: int, spread_s: int) -> list[int]:
    """Guesses until it is stopped, the first of them long before the others; what is heard then, a moment too early, and in time."""

    async def pass_by(seconds: int) -> None:
        for table in ("throttle_hit", "verification_guess"):
            await execute(session, f"update {table} set created_at = created_at - make_interval(secs => :seconds)", seconds=seconds)

    assert (await guess()).status_code in (401, 404)
    await pass_by(spread_s)
    for _ in range(limit - 1):
        assert (await guess()).status_code in (401, 404)
    stopped = await guess()
    assert stopped.status_code == 429
    await pass_by(int(stopped.headers["Retry-After"]) - EARLY_S)
    early = await guess()
    assert early.status_code != 429 or 0 < int(early.headers["Retry-After"]) <= EARLY_S
    await pass_by(EARLY_S)
    return [stopped.status_code, early.status_code, (await guess()).status_code]
