"""Riders whom WeChat knows, and what has come to their phones; the queue's database with the service's application before it.

Half an hour passes by moving what waits; the pauses are the product's own.
"""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db.base import new_id
from app.db.session import Database
from app.main import create_app
from app.messages import service as messages_service
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient
from app.wechat.store import DatabaseTokenStore
from tests.faults.queue_rig import Queue, until
from tests.support.simulator import RunningSimulator

TEMPLATE, SEND = "xinxin_report_progress", "/cgi-bin/message/subscribe/send"
RIDERS = 40
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
        await self.wish("faults", **wish)

    async def wish(self, name: str, **wish: Any) -> None:
        assert (await self.simulator.http.post(f"/_simulator/{name}", json=wish)).status_code == 204

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
