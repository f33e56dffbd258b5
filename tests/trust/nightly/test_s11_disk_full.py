"""S11: the disk of the data, or that of the log alone, is full for a while; the service says so, reads go on, and nothing told is lost."""

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.db import failures
from app.db.embedded import binaries
from app.db.embedded.account import choose
from tests.faults.writers import Writers, all_there, mixed_wishes
from tests.support.newcomer import Caller, World, county_of
from tests.trust.rig.disk import Disk, small_disk
from tests.trust.rig.standby import Client, Server

Measure = Callable[..., None]
DATA_MB, LOG_MB, GROWN_MB = 400, 96, 600
SMALL_LOG = {"max_wal_size": "48MB", "min_wal_size": "32MB", "wal_recycle": "off", "checkpoint_timeout": "30s"}
RESUMES_SECONDS = 10.0
WISHES = 40


@contextmanager
def server_on(disk: Disk, *, log_only: bool) -> Iterator[Server]:
    """Its data or its log on the small disk; the other of them, and the service's own files, are elsewhere."""
    with tempfile.TemporaryDirectory(prefix="xinxin-large-", ignore_cleanup_errors=True) as elsewhere:
        large = Path(elsewhere)
        large.chmod(0o711)
        account = choose(large / "nothing")
        data, log = (large, disk.path) if log_only else (disk.path, large)
        server = Server(data / "server", account, binaries.usable(binaries.find(), account, large / "binaries"))
        (log / "log").mkdir(mode=0o700)
        account.give(log / "log")
        try:
            server.make("--waldir", str(log / "log"))
            server.start(**SMALL_LOG)
            server.asked("create database xinxin")
            yield server
        finally:
            server.stop()


async def fill_tables(server: Server, disk: Disk) -> None:
    """What is free is given to a file, and the last pages to a table: the next row of anybody needs a page that is not there."""
    connection = await asyncpg.connect(server.url())
    await connection.execute("create table if not exists ballast (part bytea); alter table ballast alter part set storage external")
    disk.fill()
    with pytest.raises(asyncpg.PostgresError):
        for _ in range(10_000):
            await connection.execute("insert into ballast select convert_to(repeat('x', 7000), 'UTF8')")
    await connection.close()


async def flood(server: Server) -> None:
    """A log of 64 MB and more, in a moment; ends with the server."""
    connection = await asyncpg.connect(server.url())
    await connection.execute("create table ballast (part bytea); alter table ballast alter part set storage external")
    try:
        for _ in range(100):
            await connection.execute("insert into ballast values ($1)", secrets.token_bytes(1_000_000))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


async def refused(rider: Caller, path: str, body: dict[str, object], *, tries: int = 400) -> str:
    """Writes until one is refused for want of space: pages that are half empty take some first. The code that it hears."""
    for _ in range(tries):
        answer = await rider.post(path, body)
        if answer.status_code >= 500:
            assert answer.status_code in (503, 507), answer.text
            return str(answer.json()["code"])
    raise AssertionError("the disk is not full")


async def goes_on(world: World, rider: Caller, reward: str) -> float:
    began = time.monotonic()
    while (answer := await rider.post("/redemptions", {"reward_id": reward})).status_code != 201:
        assert time.monotonic() - began <= RESUMES_SECONDS, answer.text
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def sound(server: Server, world: World) -> None:
    checked = await asyncio.to_thread(world.service.manage, "ledger-check")
    assert checked.returncode == 0, checked.stdout
    await asyncio.to_thread(
        server.run, "pg_amcheck", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "--install-missing", "--heapallindexed",
        "xinxin",
    )


@pytest.mark.check("S11", tier="R")
async def test_the_data_disk_is_full_for_a_while(measured: Measure) -> None:
    with small_disk(DATA_MB) as disk, server_on(disk, log_only=False) as server, Client(server.url()) as service:
        async with county_of(service) as world:
            rider, reward = await world.rider(points=500), (await world.reward(points=1))["id"]
            wishes = await mixed_wishes(world, WISHES)
            writers = Writers(world, wishes)
            running = asyncio.create_task(writers.run())
            await writers.until_heard(WISHES // 4)
            await fill_tables(server, disk)
            code = await refused(rider, "/redemptions", {"reward_id": reward})
            assert (await rider.send("GET", "/points/me")).status_code == 200
            assert (await rider.send("GET", "/redemptions")).status_code == 200
            disk.clear()
            resumed = await goes_on(world, rider, reward)
            await running
            await all_there(world, wishes)
            assert service.process is not None and service.process.poll() is None
            await sound(server, world)
    measured("code", code)
    measured("resumes after", round(resumed, 2), "s")
    assert code == "storage_full"


@pytest.mark.check("S11", tier="R")
async def test_the_log_disk_is_full_for_a_while(measured: Measure) -> None:
    """The server gives up (PANIC), as it must; whoever supervises it starts it when there is space. The service lives through it."""
    with small_disk(LOG_MB) as disk, server_on(disk, log_only=True) as server, Client(server.url()) as service:
        async with county_of(service) as world:
            rider, reward = await world.rider(points=500), (await world.reward(points=1))["id"]
            told = [(await rider.orders(reward))["id"] for _ in range(20)]
            process = server.process
            assert process is not None
            disk.fill()
            flooding, statuses = asyncio.create_task(flood(server)), set()
            while process.poll() is None:
                answer = await rider.post("/redemptions", {"reward_id": reward})
                statuses.add((answer.status_code, answer.json().get("code") if answer.status_code != 201 else None))
                if answer.status_code == 201:
                    told.append(answer.json()["id"])
                assert len(told) < 480
            await flooding
            assert (await rider.post("/redemptions", {"reward_id": reward})).status_code == 503
            assert (await world.http.get("/health/live")).status_code == 200
            disk.clear()
            disk.grow(GROWN_MB)
            await asyncio.to_thread(server.start, **SMALL_LOG)
            resumed = await goes_on(world, rider, reward)
            connection = await asyncpg.connect(server.url())
            kept = await connection.fetchval("select count(*) from redemption where id = any($1::uuid[])", told)
            await connection.close()
            assert kept == len(told) and {status for status, _ in statuses} <= {201, 503, 507}
            await sound(server, world)
    measured("acknowledged, all there", kept)
    measured("resumes after", round(resumed, 2), "s")


@pytest.mark.check("S11", tier="R")
async def test_a_disk_that_fills_is_told(measured: Measure) -> None:
    """By the service whose data folder is on it: from 80 % on, and it is ready all the same."""
    with small_disk(400) as disk:
        service = Client("")
        service.data.rmdir()
        service.data = disk.path / "data"
        service.data.mkdir(mode=0o711)
        service.log = service.data / "service.log"
        service.given = ""
        with service:
            (disk.path / "ballast").write_bytes(bytes(int(shutil.disk_usage(disk.path).total * 0.8)))
            async with httpx.AsyncClient(base_url=service.url) as http:
                ready = await http.get("/health/ready")
                told = (await http.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"})).text
            (disk.path / "ballast").unlink()
    assert (ready.status_code, ready.json()["parts"]["disk"]) == (200, "filling")
    ratio = float(told.split("\nxinxin_disk_used_ratio ")[1].split()[0])
    measured("told at", round(ratio * 100), "%")
    assert ratio >= 0.8


@pytest.mark.variant("S11")
def test_variant_a_full_disk_that_is_no_refusal_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its SQLSTATE in the list it would be a defect: 500, and an alarm instead of a sentence."""
    error = asyncpg.exceptions.DiskFullError("no space left on device")
    wrapped = OperationalError("insert", {}, error)
    assert failures.refusal_of(wrapped) is not None
    monkeypatch.setattr(failures, "FULL", frozenset())
    assert failures.refusal_of(wrapped) is None
