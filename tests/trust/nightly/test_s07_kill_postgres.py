"""S07: the bank run while PostgreSQL is stopped at once, or killed, ten times; and what an asynchronous commit loses."""

import asyncio
import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import sqlalchemy as sa

from tests.races.shopping import opened
from tests.support.newcomer import API, Caller
from tests.support.service import descendants, lives, until
from tests.trust.plugin import Measure
from tests.trust.rig import history
from tests.trust.rig.proxy import Fault, Proxy
from tests.trust.rig.replicas import Site, back
from tests.trust.rig.storm import Stage, Storm, expect_all_there, staged

STOPS = int(os.environ.get("TRUST_KILLS", "10"))
OPERATIONS = int(os.environ.get("TRUST_OPERATIONS", "10000"))
GOAL_SECONDS = 15.0
ACCEPTS_SECONDS = 60.0
SYNCHRONOUS, NOT = b"synchronous_commit\0on\0", b"synchronous_commit\0no\0"


async def accepting(address: str) -> float:
    """The moment at which the database takes a connection again."""
    async with asyncio.timeout(ACCEPTS_SECONDS):
        while True:
            try:
                connection = await asyncpg.connect(address, timeout=2)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(0.02)
                continue
            await connection.close()
            return time.monotonic()


async def stopped(site: Site, order: signal.Signals) -> tuple[float, float]:
    """The moments of the stop and of the first connection after it; somebody else starts the server again."""
    postmaster = site.postmaster()
    at = time.monotonic()
    os.kill(postmaster, order)
    await asyncio.to_thread(until, lambda: not lives(postmaster), 20, "the postmaster is gone")
    return at, await accepting(site.first.database_url)


async def stops(stage: Stage, storm: Storm, moments: list[tuple[float, float]]) -> None:
    for number in range(STOPS):
        await storm.until_heard(storm.operations * (number + 1) // (STOPS + 2))
        moments.append(await stopped(stage.site, signal.SIGKILL if number % 2 else signal.SIGQUIT))
        await asyncio.sleep(3)


@pytest.mark.check("S07")
async def test_postgres_stopped_during_the_bank_run(tmp_path: Path, measured: Measure) -> None:
    moments: list[tuple[float, float]] = []
    async with staged(tmp_path) as stage:
        apis = [replica.api() for replica in stage.site.replicas]
        storm = stage.storm(OPERATIONS)
        await stage.run(storm, stops(stage, storm, moments))
        calls = stage.calls()
        served = [seconds for _, accepted in moments if (seconds := history.served(calls, accepted)) is not None]
        measured("seed", storm.seed)
        measured("operations", len(storm.told))
        measured("stops", len(moments))
        measured("database accepts after", max(accepted - at for at, accepted in moments), "s")
        measured("writes after that", max(served), "s")
        measured("answers lost", stage.way.counted["unknown"])
        measured("told to come again", stage.way.counted["503"])
        measured("seconds", round(storm.seconds), "s")
        await expect_all_there(stage, storm)
        assert len(moments) == STOPS and max(served) <= GOAL_SECONDS
        assert [replica.api() for replica in stage.site.replicas] == apis, "the API was started again"


async def _orders(rider: Caller, url: str, reward_id: str, told: list[str], over: asyncio.Event) -> None:
    """Orders one after the other at this replica, and notes those that were acknowledged."""
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        while not over.is_set():
            headers = rider.headers | {"Idempotency-Key": uuid4().hex}
            try:
                answer = await http.post(f"{API}/redemptions", json={"reward_id": reward_id}, headers=headers)
            except httpx.TransportError:
                return
            if answer.status_code != 201:
                return
            told.append(answer.json()["id"])


@pytest.mark.variant("S07")
async def test_commits_that_do_not_wait_for_the_disk_are_missed(tmp_path: Path, measured: Measure) -> None:
    """The fault put back: on the way to the database, synchronous_commit=on becomes its contrary."""
    async with staged(tmp_path) as stage:
        site, world = stage.site, stage.world
        async with opened(world) as counter:
            riders = await counter.riders(16, points=400)
        reward = await world.reward(stock=100_000, stock_per_day=100_000)
        owner = await asyncpg.connect(site.first.database_url)
        await owner.execute("alter system set wal_writer_delay = '10s'")
        await owner.execute("select pg_reload_conf()")
        await owner.close()
        address = sa.make_url(site.first.database_url)
        with Proxy(f"{address.query['host']}/.s.PGSQL.{address.query['port']}") as link:
            link.fault = Fault(replaced=(SYNCHRONOUS, NOT))
            assert await asyncio.to_thread(site.second.stop) == 0
            site.second.settings["database_url"] = f"postgresql://{address.username}@127.0.0.1:{link.port}/{address.database}"
            await asyncio.to_thread(site.second.start)
            lost = 0
            for _ in range(5):
                lost += await _lost(stage, riders, str(reward["id"]))
                if lost:
                    break
        measured("acknowledged and lost", lost)
        assert lost > 0


async def _lost(stage: Stage, riders: list[Caller], reward_id: str) -> int:
    """The database and all its processes are killed in the middle of orders; how many that were acknowledged are not there after it."""
    told: list[str] = []
    over = asyncio.Event()
    writing = [asyncio.create_task(_orders(rider, stage.site.second.url, reward_id, told, over)) for rider in riders]
    async with asyncio.timeout(30):
        while len(told) < 30:  # noqa: ASYNC110 - a look at a counter, with a deadline around it
            await asyncio.sleep(0.01)
    for pid in descendants({stage.site.postmaster()}):
        os.kill(pid, signal.SIGKILL)
    over.set()
    await asyncio.gather(*writing)
    await accepting(stage.site.first.database_url)
    await asyncio.to_thread(back, stage.site.second, time.monotonic())
    return len(await history.lost_rows(stage.database, "redemption", told))
