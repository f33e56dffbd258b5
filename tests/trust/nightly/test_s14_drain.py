"""S14: ten thousand copies wait, because WeChat was away; it comes back, and they are out within five minutes by WeChat's own rules.

On a really started service: its API processes, its job worker, its PostgreSQL, its simulator. Judged by what WeChat has seen.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app.auth.models import Account
from app.auth.principal import AccountKind, AccountStatus
from app.db import session as db_session
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.messages import service as messages_service
from app.parts import session_info
from app.security import sealing
from app.settings import Settings
from app.wechat.simulator.world import openid
from tests.support.service import Service, command_of, running_service

COPIES, MEMBERS, AT_ONCE = 10_000, 9_000, 250
GOAL_SECONDS, LATENCY = 300.0, 0.05  # WeChat's answers take about so long
TEMPLATE, SEND = "xinxin_report_progress", "/cgi-bin/message/subscribe/send"
PARALLEL = f"{SEND} 43108"
OFFLINE_SECONDS = 1_800
RESTING = """
    with rested as (
        update jobs.pgqueuer set attempts = 10, execute_after = now() + random() * make_interval(secs => :seconds)
        where entrypoint = 'message.push' and status = 'queued' and attempts < 10
    )
    select count(*) from jobs.pgqueuer where entrypoint = 'message.push' and status = 'picked'
"""


@dataclass
class Town:
    database: Database
    wechat: httpx.AsyncClient
    members: list[UUID]

    async def do(self, text: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as session:
            done = await (await session.connection()).execute(sa.text(text), values)
            return list(done.all()) if done.returns_rows else []

    async def left(self) -> int:
        return int((await self.do("select count(*) from jobs.pgqueuer where entrypoint = 'message.push'"))[0][0])

    async def tell(self, numbers: Sequence[str]) -> None:
        """A message for each number, to all members in turn: some have two copies that must not meet. Everybody has permitted enough."""
        async with self.database.transaction() as session:
            permit = sa.text("insert into message_grant (member_id, template_id, count) select id, :template, 9 from account")
            await (await session.connection()).execute(permit, {"template": TEMPLATE})
            for index, number in enumerate(numbers):
                await messages_service.send(
                    session, member_id=self.members[index % len(self.members)], category="report", title="您上报的问题有新进展",
                    body="请查看", path="pages/reports/detail", reference=("report", new_id(), number),
                )

    async def some_failed(self) -> bool:
        return bool((await self.do("select exists (select 1 from jobs.pgqueuer where attempts > 0)"))[0][0])

    async def rest(self) -> None:
        """As half an hour of failures leaves them: tried ten times each, and to be tried again within the next half hour."""
        while (await self.do(RESTING, seconds=OFFLINE_SECONDS))[0][0]:  # noqa: ASYNC110 - it is the database that is looked at
            await asyncio.sleep(0.2)  # what is in hand is asked for again, once it has failed

    async def emptied(self) -> bool:
        return await self.left() == 0

    async def mend(self) -> None:
        await self.wechat.delete("/_simulator/faults")

    async def arrived(self) -> Counter[str]:
        items = (await self.wechat.get("/_simulator/sent")).json()["items"]
        return Counter(str(item["data"]["character_string2"]["value"]) for item in items)

    async def overlaps(self) -> int:
        return int((await self.wechat.get("/_simulator/refused")).json().get(PARALLEL, 0))

    async def wish(self, name: str, **wish: Any) -> None:
        assert (await self.wechat.post(f"/_simulator/{name}", json=wish)).status_code == 204


def _account(session: AsyncSession, openid: str) -> dict[str, Any]:
    """As a first sign-in makes it, without the audit."""
    account_id = new_id()
    return {
        "id": account_id, "kind": AccountKind.WECHAT, "status": AccountStatus.ACTIVE, "version": 1,
        "openid_index": sealing.blind_index(session, openid, purpose="openid"),
        "openid_sealed": sealing.seal(session, openid, table="account", column="openid", row=account_id),
    }


@asynccontextmanager
async def town_of(service: Service, members: int) -> AsyncIterator[Town]:
    settings = Settings(data_dir=service.data)
    database = db_session.connect(service.database_url, info=session_info(settings), pool_size=2, statement_timeout_ms=30_000)
    async with httpx.AsyncClient(base_url=service.simulator_url, timeout=60, trust_env=False) as wechat:
        town = Town(database, wechat, [])
        await town.do("update message_template set quiet_from = '00:00', quiet_until = '00:00'")
        await town.wish("manners", latency=LATENCY)
        names = [f"收消息的人{number}" for number in range(members)]
        for start in range(0, members, AT_ONCE):
            async with database.transaction() as session:
                made = [_account(session, openid(settings.wechat_appid, name)) for name in names[start : start + AT_ONCE]]
                await session.exec(sa.insert(Account).values(made))
            town.members += [row["id"] for row in made]
        yield town
    await database.close()


def worked(service: Service) -> float:
    """Seconds of a processor that its job worker has used."""
    worker = next(pid for pid in service.processes() if b"app.worker" in command_of(pid))
    fields = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until(look: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
    """How long it took."""
    began = time.monotonic()
    while not await look():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(0.5)
    return time.monotonic() - began


@pytest.mark.check("S14", tier="N")
async def test_after_half_an_hour_without_wechat_ten_thousand_copies_go_out_in_five_minutes(measured: Callable[..., None]) -> None:
    numbers = [f"R20261129-{number:06d}" for number in range(COPIES)]
    with running_service() as service:
        async with town_of(service, MEMBERS) as town:
            await town.wish("faults", path="*", status=503, times=None)
            await town.tell(numbers)  # one commit: the queue is full from one moment to the next
            await until(town.some_failed, 60, "WeChat is seen to be away")
            await town.rest()
            assert await town.left() == COPIES and not await town.arrived()
            measured("load at the beginning", round(os.getloadavg()[0], 1))
            used = worked(service)
            await town.mend()
            seconds = await until(town.emptied, 2 * GOAL_SECONDS, "all copies are out")
            measured("drained", round(seconds, 1), "s")
            measured("the worker's own time in it", round(worked(service) - used, 1), "s")
            arrived = await town.arrived()
            assert set(arrived) == set(numbers), "every copy has arrived"
            assert set(arrived.values()) == {1}, "nobody has heard anything twice"
            assert await town.overlaps() == 0, "never two at once to one person"
            assert await town.do("select push, count(*) from message group by 1") == [("sent", COPIES)]
            assert seconds <= GOAL_SECONDS
