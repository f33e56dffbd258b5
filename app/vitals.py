"""How this process feels, written down twice a second: its event loop, its pool, its memory. /metrics tells it for all processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app import figures
from app.db.pooling import MeteredPool

BEAT_SECONDS = 0.5
SELF = Path("/proc/self")
PAGE = os.sysconf("SC_PAGE_SIZE")


def note(engine: AsyncEngine, process: str) -> None:
    """One look at the pool and at what the kernel says of us."""
    pool = engine.pool
    if isinstance(pool, MeteredPool):
        figures.POOL_MOST.labels(process).set(pool.most)
        figures.POOL_USED.labels(process).set(pool.checkedout())
        figures.POOL_WAITING.labels(process).set(pool.waiting)
    with suppress(OSError):  # not Linux
        figures.MEMORY.labels(process).set(int((SELF / "statm").read_text().split()[1]) * PAGE)
        figures.DESCRIPTORS.labels(process).set(len(os.listdir(SELF / "fd")))


async def _watch(engine: AsyncEngine, process: str) -> None:
    loop, lag = asyncio.get_running_loop(), figures.LOOP_LAG.labels(process)
    while True:
        due = loop.time() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
        note(engine, process)


@asynccontextmanager
async def watched(engine: AsyncEngine, process: str) -> AsyncIterator[None]:
    """As long as the block runs."""
    watching = asyncio.create_task(_watch(engine, process))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
