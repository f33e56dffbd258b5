"""A county on more than one machine: replicas without a state of their own behind nginx, one primary, and a standby for figures."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import httpx
import pytest

from app import clock
from app.db.standby import BEHIND_SECONDS
from tests.journeys import test_main_loop as loop
from tests.support.newcomer import World, county_of
from tests.trust.rig import nginx
from tests.trust.rig.nginx import Nginx
from tests.trust.rig.replicas import Replica
from tests.trust.rig.standby import Client, Pair, pair

REPLICAS = 3


class Through(httpx.AsyncBaseTransport):
    """Whatever is asked of the first replica is asked of the proxy."""

    def __init__(self, proxy: Nginx) -> None:
        self.port, self.inner = proxy.port, httpx.AsyncHTTPTransport(verify=proxy.context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/"):
            request.url = request.url.copy_with(scheme="https", port=self.port)
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pair(synchronous=False) as made:
        yield made


@pytest.fixture(scope="module")
def proxy(servers: Pair) -> Iterator[tuple[Client, Nginx]]:
    settings = {"read_database_url": servers.second.url(), "trusted_proxies": "127.0.0.1"}
    with ExitStack() as stack:
        first = stack.enter_context(Client(servers.first.url(), **settings))
        others = [Replica(first, database_url=servers.first.url(), **settings) for _ in range(REPLICAS - 1)]
        for replica in others:
            stack.callback(replica.remove)
            replica.start()
        yield first, stack.enter_context(nginx.before([first.port, *(replica.port for replica in others)]))


@pytest.fixture(scope="module")
async def world(proxy: tuple[Client, Nginx]) -> AsyncIterator[World]:
    first, before = proxy
    async with county_of(first, Through(before)) as made:
        yield made


async def asked(world: World) -> httpx.Response:
    """How many reports there are, of one of the replicas."""
    today = clock.today().isoformat()
    return await world.admin.send("GET", "/reports/facets", params={"area_id": world.areas["county"], "from": today, "to": today})


async def filed(world: World) -> set[int]:
    """As all of them tell it."""
    answers = [await asked(world) for _ in range(2 * REPLICAS)]
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    return {answer.json()["total"] for answer in answers}


async def test_the_story_is_the_same_through_all_of_them(proxy: tuple[Client, Nginx], world: World) -> None:
    rider = await world.rider()
    await loop.reported(world, rider)
    await loop.verified(world, await loop.redeemed(world, rider, await world.reward(stock=5)))
    checked = proxy[0].manage("ledger-check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_figures_come_from_the_standby_while_it_is_close(servers: Pair, world: World) -> None:
    """It stands still: what it told before is told for as long as it counts as close, and then what is true."""
    rider = await world.rider()
    photo = await rider.photo()
    (before,) = await filed(world)
    servers.second.asked("select pg_wal_replay_pause()")
    stopped = time.monotonic()
    await rider.does("POST", "/reports", rider.filing(photo))
    stale = await filed(world)
    assert time.monotonic() - stopped > BEHIND_SECONDS or stale == {before}
    async with asyncio.timeout(30):
        while await filed(world) != {before + 1}:
            continue
    servers.second.asked("select pg_wal_replay_resume()")
    looks = "select sum(seq_scan + coalesce(idx_scan, 0)) from pg_stat_user_tables where relname like 'report%'"
    so_far = servers.second.asked(looks, database="xinxin")
    async with asyncio.timeout(60):
        while servers.second.asked(looks, database="xinxin") <= so_far:
            assert await filed(world) == {before + 1}


async def test_a_standby_that_is_gone_is_not_missed(servers: Pair, world: World) -> None:
    (before,) = await filed(world)
    servers.second.kill()
    statuses = set()
    for _ in range(40):
        answer = await asked(world)
        statuses.add(answer.status_code)
        assert answer.status_code != 200 or answer.json()["total"] == before
        await asyncio.sleep(0.1)
    assert statuses <= {200, 503} and answer.status_code == 200
