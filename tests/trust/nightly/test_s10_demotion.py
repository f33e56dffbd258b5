"""S10: the server under the service takes no writes for a while, and takes them again; and another one takes them meanwhile."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db import failures
from app.db import session as db_session
from app.db.embedded import binaries
from app.db.embedded.account import choose
from tests.support.newcomer import World, county_of
from tests.support.service import Service, running_service
from tests.trust.rig.standby import Server

Measure = Callable[..., None]
READ_ONLY_SECONDS = 60.0
NOT_READY_SECONDS, GOOD_SECONDS = 5.0, 10.0


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service(workers=2) as running:
        yield running


@pytest.fixture(scope="module")
async def world(service: Service) -> AsyncIterator[World]:
    async with county_of(service) as made:
        yield made


async def flip(url: str, *, read_only: bool) -> float:
    connection = await asyncpg.connect(url)
    await connection.execute(f"alter system set default_transaction_read_only = {'on' if read_only else 'off'}")
    await connection.execute("select pg_reload_conf()")
    await connection.close()
    return time.monotonic()


async def ready(http: httpx.AsyncClient) -> tuple[int, str]:
    answer = await http.get("/health/ready")
    return answer.status_code, answer.json()["parts"]["database"]


@pytest.mark.check("S10", tier="N")
async def test_a_minute_without_writes(world: World, service: Service, measured: Measure) -> None:
    """Whatever is written meanwhile hears 503 and is there once, under its key, afterwards; what is read goes on."""
    rider, reward = await world.rider(points=500), await world.reward()
    flipped, statuses, late = await flip(service.database_url, read_only=True), [], 0.0
    try:
        while (await ready(world.http))[0] != 503:
            late = time.monotonic() - flipped
            assert late <= NOT_READY_SECONDS
            await asyncio.sleep(0.05)
        key = "s10-order-in-the-dark"
        while time.monotonic() - flipped < READ_ONLY_SECONDS:
            answers = [await rider.post("/redemptions", {"reward_id": reward["id"]}, key=key), await rider.send("GET", "/points/me")]
            statuses += [(answer.status_code, answer.json().get("code")) for answer in answers]
            assert await ready(world.http) == (503, "read_only")
            await asyncio.sleep(0.5)
    finally:
        back = await flip(service.database_url, read_only=False)
    assert set(statuses) == {(503, "busy"), (200, None)}
    while (answer := await rider.post("/redemptions", {"reward_id": reward["id"]}, key=key)).status_code != 201:
        assert answer.status_code == 503 and time.monotonic() - back <= GOOD_SECONDS, answer.text
        await asyncio.sleep(0.1)
    good = time.monotonic() - back
    for _ in range(20):  # every process, and every connection that it still has
        assert (await rider.post("/redemptions", {"reward_id": reward["id"]})).status_code == 201
    assert len((await rider.sees("/redemptions", limit=100))["items"]) == 21
    assert (await ready(world.http)) == (200, "ok")
    measured("not ready after", round(late, 2), "s")
    measured("writes good after", round(good, 2), "s")


@contextmanager
def two_servers() -> Iterator[tuple[Server, Server]]:
    """Both take writes; the pool is with the first, as long as that one does."""
    folder = Path(tempfile.mkdtemp(prefix="xinxin-two-"))
    folder.chmod(0o711)
    account = choose(folder / "nothing")
    programs = binaries.usable(binaries.find(), account, folder / "binaries")
    first, second = (Server(folder / name, account, programs) for name in ("first", "second"))
    try:
        for server in (first, second):
            server.make()
            server.start()
            server.asked("create table kept (id int)")
        yield first, second
    finally:
        for server in (first, second):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def tries_until_written(first: Server, second: Server) -> int:
    """With four pooled connections to a server that is demoted under them; 20 at most."""
    database = db_session.connect(
        f"postgresql://postgres@{first.address},{second.address}/postgres", info={}, pool_size=4, role=None
    )
    try:
        connections = [await database.engine.connect() for _ in range(4)]
        for connection in connections:
            assert await connection.scalar(sa.text("select inet_server_port()")) == first.port
            await connection.close()
        await flip(first.url("postgres"), read_only=True)
        await asyncio.sleep(0.5)
        for attempt in range(1, 21):
            try:
                async with database.transaction() as session:
                    await session.exec(sa.text("insert into kept values (1)"))
                return attempt
            except DBAPIError as error:
                refusal = failures.refusal_of(error)
                assert refusal is not None and refusal.code == "busy"
        return 99
    finally:
        await database.close()


@pytest.mark.check("S10", tier="N")
async def test_no_connection_stays_with_the_demoted_one(measured: Measure) -> None:
    with two_servers() as (first, second):
        tries = await tries_until_written(first, second)
    measured("refused writes until the other server", tries - 1)
    assert tries == 2


@pytest.mark.variant("S10")
async def test_variant_without_the_invalidation_the_pool_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "DEMOTED", frozenset())
    with two_servers() as (first, second):
        assert await tries_until_written(first, second) == 99


