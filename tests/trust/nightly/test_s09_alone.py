"""S09: a standby was promoted by hand and inherits `synchronous_standby_names`: each commit waits for a standby that does not exist."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db import commits
from app.db import session as db_session
from app.db.session import Database
from app.errors import Busy
from tests.support.newcomer import county_of
from tests.trust.rig.standby import Client, Pair, pair

Measure = Callable[..., None]
ANSWER_SECONDS = 10.0
TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}


def promoted_by_hand(servers: Pair) -> None:
    servers.first.kill()
    assert servers.second.asked("select pg_promote(true, 60)")


@pytest.mark.check("S09", tier="R")
async def test_it_says_so_and_the_runbook_clears_it(measured: Measure) -> None:
    """Its order is answered with 503 in time, is not told as done to anybody while no standby has it, and is there once in the end."""
    with pair() as servers, Client(servers.url) as service:
        async with county_of(service) as world:
            rider, reward = await world.rider(points=100), await world.reward()
            await asyncio.to_thread(promoted_by_hand, servers)
            longest, statuses, key = 0.0, [], "s09-order-with-nobody-to-confirm"
            began = time.monotonic()
            while time.monotonic() - began < 3 * ANSWER_SECONDS:
                asked = time.monotonic()
                answer = await rider.post("/redemptions", {"reward_id": reward["id"]}, key=key)
                longest = max(longest, time.monotonic() - asked)
                statuses.append((answer.status_code, answer.json()["code"]))
                await asyncio.sleep(0.5)
            assert set(statuses) <= {(503, "busy"), (409, "request_in_progress")} and (503, "busy") in statuses
            ready = await world.http.get("/health/ready")
            assert (ready.status_code, ready.json()["parts"]["database"]) == (503, "waiting")
            assert "xinxin_commits_halted 1" in (await world.http.get("/metrics", headers=TOKEN)).text
            assert (await rider.sees("/redemptions"))["items"] == []  # reads go on, and show what is confirmed
            stuck = servers.second.asked("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
            await asyncio.to_thread(service.promote, servers.second)
            cleared = time.monotonic()
            while (answer := await rider.post("/redemptions", {"reward_id": reward["id"]}, key=key)).status_code != 201:
                assert time.monotonic() - cleared <= ANSWER_SECONDS, answer.text
                await asyncio.sleep(0.1)
            good = time.monotonic() - cleared
            assert len((await rider.sees("/redemptions"))["items"]) == 1
            assert (await rider.points())["available"] == 90
            assert (await world.http.get("/health/ready")).status_code == 200
    measured("longest answer", round(longest, 1), "s")
    measured("connections that wait", stuck)
    measured("writes good after the command", round(good, 1), "s")
    assert longest <= ANSWER_SECONDS


@asynccontextmanager
async def waiting_server() -> AsyncIterator[tuple[Pair, Database]]:
    with pair() as servers:
        servers.first.asked("create table kept (id int)", database="xinxin")
        await asyncio.to_thread(promoted_by_hand, servers)
        database = db_session.connect(servers.url, info={}, pool_size=2, role=None)
        try:
            yield servers, database
        finally:
            servers.second.asked("alter system set synchronous_standby_names = ''")
            servers.second.asked("select pg_reload_conf()")
            await database.close()


async def insert(database: Database) -> None:
    async with database.transaction() as session:
        await session.exec(sa.text("insert into kept values (1)"))


@pytest.mark.check("S09", tier="R")
async def test_nobody_sees_what_no_standby_has() -> None:
    async with waiting_server() as (servers, database):
        with pytest.raises(DBAPIError):
            await insert(database)
        with pytest.raises(Busy):
            await insert(database)
        assert servers.second.asked("select count(*) from kept", database="xinxin") == 0


@pytest.mark.variant("S09")
async def test_variant_without_the_guard_nobody_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "SECONDS", 3_600.0)
    async with waiting_server() as (_, database):
        asking = asyncio.create_task(insert(database))
        await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        assert not asking.done()
        asking.cancel()
        await asyncio.wait({asking}, timeout=10)


@pytest.mark.variant("S09")
async def test_variant_a_driver_s_time_limit_makes_it_good_on_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cancels the wait commits: the row is seen, and would be replayed as a success, with no standby to have it."""
    monkeypatch.setattr(commits, "SECONDS", 3_600.0)
    async with waiting_server() as (servers, database):
        with pytest.raises((TimeoutError, DBAPIError)):
            async with asyncio.timeout(2):
                await insert(database)
        await asyncio.sleep(1)
        assert servers.second.asked("select count(*) from kept", database="xinxin") == 1
