"""kill -9 of a worker and of everything, SIGTERM in the middle: what was acknowledged stays, and nobody has to help."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest

from tests.faults.writers import Writers, all_there, mixed_wishes
from tests.support.newcomer import World
from tests.support.service import Service, lives, until
from tests.support.volley import parsed, shot

KILL_AFTER = 6
WISHES = 24
GRACE_SECONDS = 12.0


async def killed_while_writing(world: World, victim: int) -> None:
    wishes = await mixed_wishes(world, WISHES)
    writers = Writers(world, wishes)
    running = asyncio.create_task(writers.run())
    await writers.until_heard(KILL_AFTER)
    os.kill(victim, signal.SIGKILL)
    await running
    await asyncio.to_thread(until, lambda: not lives(victim), 10, "the victim is gone")
    await all_there(world, wishes)
    assert world.service.process is not None and world.service.process.poll() is None


@pytest.mark.check("S06", part=True)
async def test_a_killed_worker_loses_nothing_and_is_replaced(world: World, doomed: Service) -> None:
    victim = doomed.api_workers()[0]
    await killed_while_writing(world, victim)
    await asyncio.to_thread(until, lambda: len(doomed.api_workers()) == 2 and victim not in doomed.api_workers(), 60, "two workers again")


@pytest.mark.check("S07", part=True)
async def test_a_power_cut_loses_nothing(world: World, doomed: Service) -> None:
    """Everything is killed at once, the database too; the same command on the same folder brings all of it back, keys and sessions too."""
    wishes = await mixed_wishes(world, WISHES)
    writers = Writers(world, wishes)
    running = asyncio.create_task(writers.run())
    await writers.until_heard(KILL_AFTER)
    await asyncio.to_thread(doomed.kill_all)
    await asyncio.to_thread(doomed.start)
    await running
    assert any(wish.unknown for wish in wishes)
    await all_there(world, wishes)
    checked = await asyncio.to_thread(doomed.manage, "ledger-check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.check("S16", tier="P")
async def test_sigterm_finishes_what_is_in_flight(world: World, doomed: Service) -> None:
    """Ten orders are under way when SIGTERM comes; their bodies are completed after it. All are answered, and counted once.

    An eleventh body never comes: it holds nobody up for longer than the grace, is told why, and the exit code is still 0.
    """
    rider, reward = await world.rider(points=200), await world.reward()
    shots = [shot(rider, "/redemptions", {"reward_id": reward["id"]}, key=uuid4().hex) for _ in range(11)]
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(begun(doomed, one.whole[:-1])) for one in shots]
        idle = [await stack.enter_async_context(begun(doomed, b"")) for _ in range(8)]
        started = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(doomed.stop))
        async with asyncio.timeout(20):  # a worker that stops closes what is idle: both have heard of it
            await asyncio.gather(*(reader.read() for reader, _ in idle))
        for (_, writer), one in zip(lines[:10], shots[:10], strict=True):
            writer.write(one.whole[-1:])
        async with asyncio.timeout(30):
            *answers, last = [parsed(await reader.read()) for reader, _ in lines]
        assert [answer.status for answer in answers] == [201] * 10
        assert (last.status, last.outcome) == (503, "busy")
        assert await stopping == 0
        assert time.monotonic() - started < GRACE_SECONDS + 10  # a busy machine
    await asyncio.to_thread(doomed.start)
    kept = (await rider.sees("/redemptions"))["items"]
    assert sorted(line["id"] for line in kept) == sorted(answer.json["id"] for answer in answers)


@asynccontextmanager
async def begun(service: Service, sent: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that a worker holds, and what was sent on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        writer.write(sent)
        await writer.drain()
        port = writer.get_extra_info("sockname")[1]
        await asyncio.to_thread(until, lambda: bool(service.holders([port])), 20, "accepted")
        yield reader, writer
    finally:
        writer.close()
