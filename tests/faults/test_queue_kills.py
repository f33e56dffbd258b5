"""Workers of the queue are stopped, continued and asked to end: every job is done once. The faults put back are seen."""

import asyncio
import os
import signal
from typing import Any

import pytest

from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_workers import Workers


@pytest.mark.variant("S13")
async def test_a_job_that_is_done_first_and_worked_on_later_is_lost(queue: Queue, workers: Workers) -> None:
    """The known-bad variant of the ten killed workers (test_queue_outage.py)."""
    await queue.items(40)

    async def some_taken() -> bool:
        return 0 < await queue.left() < 40

    victim = workers.start(queue_workers.done_first, once=queue_workers.once)
    await until(some_taken, "some are taken")
    workers.kill(victim)
    workers.start(queue_workers.done_first, once=queue_workers.once)
    await until(queue.empty, "the queue is empty")
    await asyncio.sleep(0.3)
    assert await queue.number("select count(*) from faults.item where effects = 0") > 0


@pytest.mark.check("S13", part=True)
async def test_a_stopped_worker_that_wakes_after_its_lease_writes_nothing(queue: Queue, workers: Workers) -> None:
    """Beside it the known-bad variant, without the fence: there the work is done twice."""
    stopped: list[Any] = []

    async def one_more_holds() -> bool:
        return len(await queue.holders()) > len(stopped)

    for name, fault in (("fenced", None), ("bare", queue_workers.without_fence)):
        await queue.put(f"tests.{name}", [name])
        process = workers.start(fault, **{name: queue_workers.slow})
        await until(one_more_holds, f"{name} is in the middle of it")
        os.kill(process.pid, signal.SIGSTOP)
        stopped.append(process)
    await asyncio.sleep(queue_workers.PACE.lease.total_seconds())
    workers.start(fenced=queue_workers.slow, bare=queue_workers.slow)
    await until(queue.empty, "another worker has done both")
    assert await queue.ask("select item, count(*) from faults.effect group by 1 order by 1") == [("bare", 1), ("fenced", 1)]
    for process in stopped:
        os.kill(process.pid, signal.SIGCONT)

    async def both_woke() -> bool:
        return "job.lease_lost" in workers.said() and await queue.number("select count(*) from faults.effect where item = 'bare'") == 2

    await until(both_woke, "both have gone on")
    assert await queue.number("select count(*) from faults.effect where item = 'fenced'") == 1


@pytest.mark.check("S13", part=True)
async def test_a_tick_that_was_missed_is_made_up_for_once_by_all_workers(queue: Queue, workers: Workers) -> None:
    """Beside it the known-bad variant, where every worker has a clock of its own: there each of them ticks."""
    await queue.do(
        "insert into jobs.pgqueuer_schedules (expression, entrypoint, next_run)"
        " select '* * * * *', name, now() - interval '1 day' from unnest(array['tests.tick', 'tests.own']) as name"
    )
    for _ in range(3):
        workers.start(queue_workers.own_clock, clock=True)

    async def ticked(item: str) -> int:
        return await queue.number("select count(*) from faults.effect where item = :item", item=item)

    async def all_have_begun() -> bool:
        return await ticked("own") >= 3 and await ticked("tick") > 0

    await until(all_have_begun, "all have looked at the clock")
    await asyncio.sleep(0.3)
    assert await ticked("tick") in (1, 2), "two at most, where a minute begins just now"


async def test_what_is_in_hand_when_a_worker_is_asked_to_stop_goes_back(queue: Queue, workers: Workers) -> None:
    """Beside it two known-bad variants: what is ended first is lost, and who goes without a word leaves a job to its lease."""
    faults = {"endless": None, "lost": queue_workers.done_first, "deaf": queue_workers.deaf}
    for name in faults:
        await queue.put(f"tests.{name}", [name])
    began = [workers.start(fault, grace=0.1, **{name: queue_workers.endless}) for name, fault in faults.items()]

    async def all_held() -> bool:
        return await queue.ask("select entrypoint from jobs.pgqueuer where status = 'queued'") == [] and await queue.left() == 2

    await until(all_held, "all three are in hand")
    for process in began:
        process.terminate()
    for process in began:
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode == 0
    assert await queue.ask("select entrypoint, status::text, attempts, crashes from jobs.pgqueuer order by 1") == [
        ("tests.deaf", "picked", 0, 0), ("tests.endless", "queued", 0, 0),
    ]
