"""WeChat away for half an hour, workers killed while they send, and many messages at once: nothing is lost, everything arrives once.

Half an hour passes by moving what waits; the pauses are the product's own.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db.base import new_id
from app.db.session import Database
from app.jobs import queries as jobs_queries
from app.main import create_app
from app.messages import service as messages_service
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient
from app.wechat.store import DatabaseTokenStore
from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_workers import Workers
from tests.support.simulator import RunningSimulator

TEMPLATE, SEND = "xinxin_report_progress", "/cgi-bin/message/subscribe/send"
RIDERS, AWAITING, KILLS, MANY = 40, 12, 10, 160
NUMBERS = (f"R20261129-{number:06d}" for number in itertools.count(1))


@dataclass
class Town:
    """Riders whom WeChat knows, and what has come to their phones."""

    queue: Queue
    simulator: RunningSimulator
    http: httpx.AsyncClient
    riders: list[UUID]
    tokens: list[str]

    async def tell(self, messages: int) -> list[str]:
        """Messages to all in turn, each with a number of its own and a permission for its copy; the numbers."""
        numbers = []
        async with self.queue.database.transaction() as session:
            for index in range(messages):
                numbers.append(next(NUMBERS))
                rider = self.riders[index % len(self.riders)]
                await messages_service.set_permission(session, member_id=rider, template_id=TEMPLATE, accepted=True)
                await messages_service.send(
                    session, member_id=rider, category="report", title="您上报的问题有新进展", body="请查看", path="pages/reports/detail",
                    reference=("report", new_id(), numbers[-1]),
                )
        return numbers

    async def arrived(self, numbers: list[str]) -> Counter[str]:
        items = (await self.simulator.http.get("/_simulator/sent")).json()["items"]
        found = Counter(str(item["data"]["character_string2"]["value"]) for item in items)
        return Counter({number: found[number] for number in numbers})

    async def fault(self, **wish: Any) -> None:
        assert (await self.simulator.http.post("/_simulator/faults", json=wish)).status_code == 204

    async def mend(self) -> None:
        await self.simulator.http.delete("/_simulator/faults")

    async def business(self, rider: int) -> list[tuple[int, set[str]]]:
        """What somebody does in the mini program, and how they are answered."""
        headers = {"Authorization": f"Bearer {self.tokens[rider]}"}
        inbox = await self.http.get("/api/v1/messages", headers=headers)
        read = await self.http.post(f"/api/v1/messages/{inbox.json()['items'][-1]['id']}/read", headers=headers)
        answers = [inbox, read, await self.http.get("/api/v1/members/me", headers=headers), await self.http.get("/api/v1/areas")]
        return [(answer.status_code, set(answer.json())) for answer in answers]


@pytest.fixture(scope="session")
async def town_of_all(
    queue_database: Database, queue_settings: Settings, simulator: RunningSimulator, store: ObjectStore
) -> AsyncIterator[Town]:
    app, queue = create_app(queue_settings), Queue(queue_database)
    token_store = DatabaseTokenStore(queue_database)
    wechat = WeChatClient(simulator.url, simulator.appid, simulator.secret, token_store=token_store)
    app.state.database, app.state.wechat, app.state.store = queue_database, wechat, store
    await wechat.url_link("pages/index/index", "")  # a token is there before WeChat goes away
    await queue.do("update message_template set quiet_from = '00:00', quiet_until = '00:00'")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as http:
        riders, tokens = [], []
        for number in range(RIDERS):
            login = await http.post("/api/v1/auth/wechat", json={"code": await simulator.code(f"收消息的人{number}")})
            riders.append(UUID(login.json()["account"]["id"]))
            tokens.append(login.json()["access_token"])
        yield Town(queue, simulator, http, riders, tokens)
    await wechat.aclose()


@pytest.fixture
async def town(town_of_all: Town, queue: Queue) -> AsyncIterator[Town]:
    yield town_of_all
    await town_of_all.mend()


async def tried(queue: Queue) -> bool:
    """Nothing is in hand or due: whatever waits, waits for its time."""
    return await queue.number("select count(*) from jobs.pgqueuer where status = 'picked' or execute_after <= now()") == 0


async def passes(queue: Queue, minutes: int, step: int, ended: Callable[[], Any] | None = None) -> None:
    for _ in range(0, minutes, step):
        await until(lambda: tried(queue), "what was due has been tried")
        if ended is not None and await ended():
            return
        await queue.pass_time(step * 60)
    await until(lambda: tried(queue), "the last of it has been tried")


def expect_silence(town: Town, workers: Workers, sent: list[dict[str, Any]], secrets: set[str]) -> None:
    """No openid, token, secret or key stands in what the workers have logged, and they did log what went wrong."""
    said = workers.said()
    assert "job.failed" in said
    words = {str(item["touser"]) for item in sent} | secrets | set(town.tokens) | {town.simulator.secret, "session_key", "收消息的人"}
    assert len(words) > RIDERS + AWAITING
    assert not [word for word in words if word in said]


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
        counted = await jobs_queries.counts(session)
        figures = await jobs_queries.measured(session)
    assert counted == {"queued": 2 * AWAITING} and figures["xinxin_jobs_retrying"] == 2 * AWAITING
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


async def test_many_messages_at_once(town: Town, queue: Queue, workers: Workers) -> None:
    numbers = await town.tell(MANY)
    began = time.monotonic()
    workers.start()
    await passes(queue, 10, 1, queue.empty)
    await until(queue.empty, "all are sent")
    assert set((await town.arrived(numbers)).values()) == {1}
    assert "message.copy_refused" not in workers.said() and "job.failed" not in workers.said()
    assert time.monotonic() - began < 60, "10,000 in five minutes are 33 a second; a busy machine has its share of this"
