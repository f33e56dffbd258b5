"""S13: three workers at the pace of production, their holders killed in the middle of a batch, or asleep for a minute."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_workers import Workers
from tests.trust.plugin import Measure
from tests.trust.rig import scheduler

ITEMS, KILLS, ASLEEP = 600, 10, 60.0
TAKEN_OVER = 30.0
PATIENCE = 120.0


async def _holder(queue: Queue, known: set[Any]) -> set[Any]:
    """Waits until a worker that has not been seen holds jobs."""
    async with asyncio.timeout(PATIENCE):
        while not (new := await queue.holders() - known):  # noqa: ASYNC110 - it is the database that is looked at
            await asyncio.sleep(0.01)
        return new


@pytest.mark.check("S13")
async def test_ten_holders_killed_in_the_middle_of_a_batch(queue: Queue, workers: Workers, measured: Measure) -> None:
    """Each victim is alone when it takes its batch, so that what is taken over is its."""
    await queue.items(ITEMS)
    seen: set[Any] = set()
    in_hand = 0
    for _ in range(KILLS):
        victim = workers.start(scheduler.as_in_production, once=queue_workers.once)
        seen |= await _holder(queue, seen)
        workers.kill(victim)
        in_hand += await queue.number("select count(*) from jobs.pgqueuer where status = 'picked'")
    killed = time.monotonic()
    for _ in range(3):
        workers.start(scheduler.as_in_production, once=queue_workers.once)

    async def nothing_of_the_dead() -> bool:
        dead = "select count(*) from jobs.pgqueuer where status = 'picked' and queue_manager_id = any(:dead)"
        return await queue.number(dead, dead=list(seen)) == 0

    await until(nothing_of_the_dead, "everything of the dead is taken over", PATIENCE)
    measured("kills", KILLS)
    measured("taken over after", time.monotonic() - killed, "s")
    assert time.monotonic() - killed <= TAKEN_OVER
    await until(queue.empty, "the queue is empty", PATIENCE)
    measured("in hand at a kill", in_hand)
    assert in_hand > 0
    assert await queue.ask("select effects, count(*) from faults.item group by 1") == [(1, ITEMS)]


async def _asleep(queue: Queue, workers: Workers, fault: Any) -> int:
    """One worker takes a job, sleeps for a minute, and wakes after another has done it; how often it was done."""
    await queue.put("tests.late", ["x"])
    sleeper = workers.start(fault, late=scheduler.late)
    await _holder(queue, set())
    os.kill(sleeper.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    for _ in range(2):
        workers.start(fault, late=scheduler.late)
    await until(queue.empty, "another worker has done it", PATIENCE)
    assert await queue.number("select count(*) from faults.effect") == 1
    await asyncio.sleep(max(0.0, stopped + ASLEEP - time.monotonic()))
    os.kill(sleeper.pid, signal.SIGCONT)
    await asyncio.sleep(5)
    return await queue.number("select count(*) from faults.effect")


@pytest.mark.check("S13")
async def test_who_wakes_after_a_minute_writes_nothing(queue: Queue, workers: Workers, measured: Measure) -> None:
    done = await _asleep(queue, workers, scheduler.as_in_production)
    measured("asleep", ASLEEP, "s")
    measured("done", done)
    assert done == 1 and "job.lease_lost" in workers.said()


@pytest.mark.variant("S13")
async def test_without_a_fence_it_is_done_twice(queue: Queue, workers: Workers) -> None:
    assert await _asleep(queue, workers, scheduler.without_a_fence) == 2
