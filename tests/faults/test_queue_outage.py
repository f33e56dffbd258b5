"""WeChat away for half an hour, workers killed while they send, and many messages at once: nothing is lost, everything arrives once."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from app.jobs import queries as jobs_queries
from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_town import RIDERS, SEND, Town, passes, town, town_of_all, tried
from tests.faults.queue_workers import Workers

__all__ = ["town", "town_of_all"]
pytestmark = pytest.mark.check("S14", part=True)
AWAITING, KILLS, MANY = 12, 10, 160


def expect_silence(town: Town, workers: Workers, sent: list[dict[str, Any]], secrets: set[str]) -> None:
    """No openid, token, secret or key stands in what the workers have logged, and they did log what went wrong."""
    said = workers.said()
    assert "job.failed" in said
    words = {str(item["touser"]) for item in sent} | secrets | set(town.tokens) | {town.simulator.secret, "session_key", "收消息的人"}
    assert len(words) > RIDERS + AWAITING
    assert not [word for word in words if word in said]


@pytest.mark.check("S14", part=True)
async def test_half_an_hour_without_wechat(town: Town, queue: Queue, workers: Workers) -> None:
    """Three sends were taken whose answers were lost: only those may come twice."""
    before = await town.tell(AWAITING)
    for _ in range(3):
        await town.fault(path=SEND, cut=True)
    await town.fault(path="*", status=503, times=None)
    usual = await town.business(0)
    workers.start()
    workers.start()
    await until(lambda: tried(queue), "all were tried")
    later = await town.tell(AWAITING)
    await passes(queue, 30, 10)
    assert await town.business(1) == usual
    async with queue.database.reader() as session:
        figures = await jobs_queries.measured(session)
    waiting = "select count(*) from jobs.pgqueuer where entrypoint = 'message.push' and status in ('queued', 'picked')"
    assert await queue.number(waiting) == 2 * AWAITING, "nothing is lost, or given up"
    assert figures["xinxin_jobs_retrying"] > 0
    assert sum((await town.arrived(before + later)).values()) == 3
    await town.mend()
    await passes(queue, 180, 20, queue.empty)
    await until(queue.empty, "all are sent")
    arrived = await town.arrived(before + later)
    assert Counter(arrived.values()) == {1: 2 * AWAITING - 3, 2: 3}
    sent = (await town.simulator.http.get("/_simulator/sent")).json()["items"]
    token = await town.simulator.http.post(
        "/cgi-bin/stable_token", json={"grant_type": "client_credential", "appid": town.simulator.appid, "secret": town.simulator.secret}
    )
    expect_silence(town, workers, sent, {token.json()["access_token"]})


@pytest.mark.check("S13", part=True)
async def test_ten_workers_killed_in_the_middle_of_their_work(town: Town, queue: Queue, workers: Workers) -> None:
    """Half of the jobs change the database, half of them send: the first are done once, the others at most once more."""
    await queue.items(60)
    numbers = await town.tell(60)
    await queue.do("update jobs.pgqueuer set priority = 30 - id % 10")  # mixed
    await town.fault(path=SEND, delay=0.1, times=None)
    seen: set[Any] = set()

    async def holds() -> bool:
        return bool(await queue.holders() - seen)

    in_hand = 0
    for _ in range(KILLS):
        victim = workers.start(once=queue_workers.once)
        await until(holds, "a worker holds jobs")
        await asyncio.sleep(0.1)
        workers.kill(victim)
        in_hand += await queue.number("select count(*) from jobs.pgqueuer where status = 'picked'")
        seen |= await queue.holders()
        await queue.pass_time(10)
    await town.mend()
    workers.start(once=queue_workers.once)
    await passes(queue, 10, 1, queue.empty)
    await until(queue.empty, "the queue is empty")
    assert await queue.ask("select effects, count(*) from faults.item group by 1") == [(1, 60)]
    arrived = await town.arrived(numbers)
    assert in_hand >= KILLS
    twice = sum(times == 2 for times in arrived.values())
    assert max(arrived.values()) <= 2 and twice <= in_hand
    # Killed twice just before the call, a copy counts as sent twice and is given up; the inbox has the message all the same.
    given_up = await queue.number("select count(*) from message where push = 'failed' and unanswered = 2")
    assert sum(times == 0 for times in arrived.values()) <= given_up


@pytest.mark.check("S14", part=True)
async def test_many_messages_at_once(town: Town, queue: Queue, workers: Workers) -> None:
    numbers = await town.tell(MANY)
    began = time.monotonic()
    workers.start()
    await passes(queue, 10, 1, queue.empty)
    await until(queue.empty, "all are sent")
    assert set((await town.arrived(numbers)).values()) == {1}
    assert "message.copy_refused" not in workers.said() and "job.failed" not in workers.said()
    assert time.monotonic() - began < 60, "10,000 in five minutes are 33 a second; a busy machine has its share of this"
