"""Counters that all replicas share: sliding windows over rows, judged under a lock of their key so that a burst cannot slip through."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.errors import RateLimited
from app.security.models import ThrottleHit

KEPT = timedelta(days=2)  # the longest period that a limit may have is one day
CLOCK = sa.func.clock_timestamp()


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` hits in any `period_s` seconds."""

    limit: int
    period_s: int


async def take(session: AsyncSession, key: str, *, limit: int, period_s: int) -> None:
    """Counts one use, in the caller's transaction: a use that is rolled back was none. Holds the key until the commit.

    Raises:
        RateLimited: `limit` uses lie within the last `period_s` seconds (at most a day); says when the next one is possible.
    """
    await hold(session, key)
    wait = wait_in_windows(await ages(session, key, most=limit), (Window(limit, period_s),))
    if wait:
        raise RateLimited(retry_after=wait)
    await count_failure(session, key)


async def failures(session: AsyncSession, key: str, window_s: int) -> int:
    """How many hits the last `window_s` seconds (at most a day) have."""
    found = await session.exec(
        sa.select(sa.func.count()).where(
            col(ThrottleHit.key) == key, col(ThrottleHit.created_at) > CLOCK - sa.func.make_interval(0, 0, 0, 0, 0, 0, window_s)
        )
    )
    return int(found.scalar_one())


async def count_failure(session: AsyncSession, key: str) -> None:
    """Adds a hit. A refusal is rolled back: count it by `raise Refusal().then(step)`."""
    session.add(ThrottleHit(key=key))
    await session.flush()


async def clear(session: AsyncSession, *keys: str) -> None:
    """Forgets every hit of these keys."""
    await session.exec(sa.delete(ThrottleHit).where(col(ThrottleHit.key).in_(keys)))


async def forget(session: AsyncSession, word: str) -> None:
    """Forgets the hits of every key that names a word, such as an account's id."""
    await session.exec(sa.delete(ThrottleHit).where(col(ThrottleHit.key).contains(word, autoescape=True)))


async def hold(session: AsyncSession, *keys: str) -> None:
    """Locks keys until the transaction ends: what is read and counted under them is one step. Whoever needs several names them in one
    call, which takes them in one order; who calls again, always in the same order."""
    locks = (sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"throttle:{key}", 0)) for key in sorted(set(keys)))
    await session.exec(sa.select(*locks))


async def ages(session: AsyncSession, *keys: str, most: int) -> Sequence[float]:
    """Seconds since each of the last `most` hits by the database's clock, newest first. Several keys are several names of one thing."""
    age = sa.func.extract("epoch", CLOCK - col(ThrottleHit.created_at))
    found = await session.exec(
        sa.select(age).where(col(ThrottleHit.key).in_(keys)).order_by(col(ThrottleHit.created_at).desc()).limit(most)
    )
    return [float(value) for value in found.scalars().all()]


def wait_in_windows(ages: Sequence[float], windows: Sequence[Window]) -> int:
    """Whole seconds until every window has room again (0: now). `ages` newest first, as many as the largest limit."""
    waits = (window.period_s - ages[window.limit - 1] for window in windows if len(ages) >= window.limit)
    return max(0, ceil(max(waits, default=0)))


async def sweep(session: AsyncSession) -> int:
    """Deletes hits that no limit looks at any more, at most 10,000 a run; returns how many."""
    old = sa.select(col(ThrottleHit.id)).where(col(ThrottleHit.created_at) < CLOCK - KEPT).limit(10_000)
    gone = await session.exec(sa.delete(ThrottleHit).where(col(ThrottleHit.id).in_(old)))
    return gone.rowcount
