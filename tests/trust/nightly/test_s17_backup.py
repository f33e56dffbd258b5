"""S17: base backup and archived log of a really running service, a table dropped at T, restored to a second before T beside it."""

import asyncio
import gzip
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.backups import restoring, taking
from app.backups.folder import Folder
from app.db.embedded import serve
from tests.support.newcomer import Caller, World, county_of
from tests.support.service import Service, running_service, until

Measure = Callable[..., None]
ORDERS = 8
LOSS_SECONDS = 60.0
ARCHIVED_SECONDS = 300.0
GIGABYTE = 1_000_000_000


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service(workers=1) as running:
        yield running


@pytest.fixture(scope="module")
async def world(service: Service) -> AsyncIterator[World]:
    async with county_of(service) as made:
        yield made


class Copy(Service):
    """A folder that was restored from a service's, with the keys that were kept apart from the backup."""

    def __init__(self, of: Service) -> None:
        super().__init__(workers=1)
        self.of = of

    def restore(self, *more: str) -> "subprocess.CompletedProcess[str]":
        told = self.of.manage("restore", str(self.of.data / "backups"), "--into", str(self.data), *more)
        shutil.copy(self.of.data / "keys.json", self.data)
        return told


@dataclass
class Story:
    """What happened, in order: a backup, orders, an erasure, a newer journal of erasures, more orders, and a drop at `dropped`."""

    rider: Caller
    gone: Caller
    before: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)
    drill: str = ""
    alive_until: datetime = field(default=None)  # type: ignore[assignment]
    dropped: datetime = field(default=None)  # type: ignore[assignment]
    loss: float = 0.0


@pytest.fixture(scope="module")
async def story(world: World, service: Service) -> Story:
    """It ends when the log with the drop is in the archive, to which nobody has sent it before its time."""
    reward = await world.reward()
    told = Story(await world.rider(points=500), await world.person(name="erased-later"))
    await asyncio.to_thread(managed, service, "backup")
    told.before = [(await told.rider.orders(reward["id"]))["id"] for _ in range(ORDERS)]
    connection = await asyncpg.connect(service.database_url)
    try:
        told.alive_until = await connection.fetchval("select clock_timestamp()")
        await erase(world, told.gone, connection)
        await asyncio.to_thread(managed, service, "backup")
        told.before += [(await told.rider.orders(reward["id"]))["id"] for _ in range(ORDERS)]
        told.left = await told.rider.points()
        told.drill = await asyncio.to_thread(managed, service, "restore-drill")
        await connection.execute("select pg_switch_wal()")  # the longest wait for the next one begins here
        await asyncio.sleep(2.5)  # the moment to restore to lies a second before the drop, and after the last order
        began = time.monotonic()
        told.dropped = await connection.fetchval("select clock_timestamp()")
        await connection.execute("drop table redemption cascade")
        written = await connection.fetchval("select pg_walfile_name(pg_current_wal_lsn())")
        await asyncio.to_thread(until, (service.data / "backups" / "wal" / f"{written}.gz").exists, 2 * LOSS_SECONDS, "archived")
        told.loss = time.monotonic() - began
    finally:
        await connection.close()
    return told


async def erase(world: World, who: Caller, connection: "asyncpg.Connection[Any]") -> None:
    await who.does("DELETE", "/members/me")
    await connection.execute("update account set erase_on = current_date - 1 where id = $1", who.id)
    assert "/ erased" in await asyncio.to_thread(managed, world.service, "erase", who.id)


def managed(service: Service, *arguments: str) -> str:
    told = service.manage(*arguments)
    assert told.returncode == 0, told.stdout
    return told.stdout


@pytest.mark.check("S17", tier="N")
async def test_before_t_is_there_and_the_drop_is_not(story: Story, service: Service, measured: Measure) -> None:
    copy = Copy(service)
    try:
        moment = (story.dropped - timedelta(seconds=1)).isoformat(timespec="seconds").removesuffix("+00:00")
        told = await asyncio.to_thread(copy.restore, "--to-time", moment)
        assert told.returncode == 0, told.stdout
        seconds, size = restored_in(told.stdout)
        await asyncio.to_thread(copy.start)  # migrated, ready: the copy is a service as the first one was
        async with httpx.AsyncClient(base_url=copy.url, timeout=30) as http:
            rider = replace(story.rider, http=http)
            kept = (await rider.sees("/redemptions", limit=100))["items"]
            assert sorted(line["id"] for line in kept) == sorted(story.before)
            assert await rider.points() == story.left
        assert "the ledger is clean" in await asyncio.to_thread(managed, copy, "ledger-check")
        measured("loss window", round(story.loss, 1), "s")
        measured("restored", round(seconds, 1), "s")
        measured("backup", round(size, 1), "MB")
        assert story.loss <= LOSS_SECONDS
    finally:
        await asyncio.to_thread(copy.remove)


@pytest.mark.check("S17", tier="N")
async def test_the_erased_stay_erased(story: Story, service: Service) -> None:
    """Restored to a time when she was still there: the newest journal, of a later backup, erases her again before anybody sees it."""
    copy = Copy(service)
    try:
        told = await asyncio.to_thread(copy.restore, "--to-time", story.alive_until.isoformat(timespec="milliseconds")[:-6])
        assert told.returncode == 0 and "erased again 1" in told.stdout, told.stdout
        with serve(copy.data) as address:
            connection = await asyncpg.connect(address)
            status, left = await connection.fetchrow(
                "select status, (select count(*) from redemption where id = any($2::uuid[])) from account where id = $1",
                story.gone.id, story.before,
            )
            await connection.close()
        assert (status, left) == ("erased", ORDERS)
    finally:
        await asyncio.to_thread(copy.remove)


@pytest.mark.check("S17", tier="N")
async def test_a_drill_is_noted_and_one_that_finds_something_is_not(story: Story, service: Service, measured: Measure) -> None:
    """The second one restores as far as the log goes, and so without the table: its checks cannot be made."""
    measured("drill", round(restored_in(story.drill)[0], 1), "s")
    async with httpx.AsyncClient(base_url=service.url) as http:
        assert (await http.get("/health/ready")).json()["parts"]["backup"] == "ok"
    failed = await asyncio.to_thread(service.manage, "restore-drill")
    assert failed.returncode == 1, failed.stdout
    assert not (service.data / "restore-drill").exists()
    connection = await asyncpg.connect(service.database_url)
    counted = dict(await connection.fetch("select kind, count(*) from backup_run group by kind"))
    await connection.close()
    assert counted == {"backup": 2, "restore_drill": 1}


@pytest.mark.variant("S17")
@pytest.mark.parametrize("harm", ["base", "log", "hole"])
async def test_variant_a_harmed_backup_is_refused(story: Story, service: Service, tmp_path: Path, harm: str) -> None:
    harmed = tmp_path / "backups"
    shutil.copytree(service.data / "backups", harmed)
    os.chmod(tmp_path, 0o711)
    folder, copy = Folder(harmed), Copy(service)
    base = folder.base_before(None)
    segment = folder.wal / f"{folder.needed_by(base)[1 if harm == 'log' else -2]}.gz"
    if harm == "base":
        with (base.folder / "base.tar.gz").open("r+b") as packed:
            packed.seek(base.size // 3)
            packed.write(b"harm" * 64)
    elif harm == "log":
        segment.write_bytes(gzip.compress(gzip.decompress(segment.read_bytes())[:-1]))
    else:
        segment.unlink()
    try:
        told = await asyncio.to_thread(service.manage, "restore", str(harmed), "--into", str(copy.data))
        assert told.returncode == 1 and "Traceback" not in told.stdout, told.stdout
    finally:
        await asyncio.to_thread(copy.remove)


@pytest.mark.check("S17", tier="R")
def test_a_gigabyte_is_back_within_a_quarter_of_an_hour(measured: Measure) -> None:
    """Of what cannot be compressed, half in the base backup and half in the log after it."""
    place = Path(tempfile.mkdtemp(prefix="xinxin-gigabyte-"))
    place.chmod(0o711)
    try:
        folder = Folder(place / "backups")
        folder.make()
        with serve(place / "data") as address:
            asyncio.run(filled(address, GIGABYTE // 2, "one"))
            taking.take(place / "data", address, folder)
            asyncio.run(filled(address, GIGABYTE // 2, "two"))
        began = time.monotonic()
        with restoring.restored(folder, place / "copy", moment=None) as (_, address):
            took = time.monotonic() - began
            assert asyncio.run(size_of(address)) >= GIGABYTE
        measured("restored 1 GB", round(took, 1), "s")
        assert took <= 900
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def filled(address: str, size: int, table: str) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute(f"create table {table} (part bytea); alter table {table} alter part set storage external")
    chunk = 8_000_000
    for _ in range(size // chunk + 1):
        await connection.execute(f"insert into {table} values ($1)", secrets.token_bytes(chunk))
    last = await connection.fetchval("select pg_walfile_name(pg_switch_wal())")
    async with asyncio.timeout(ARCHIVED_SECONDS):
        while (await connection.fetchval("select coalesce(last_archived_wal, '') from pg_stat_archiver")) < last:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    await connection.close()


async def size_of(address: str) -> int:
    connection = await asyncpg.connect(address)
    size = await connection.fetchval("select sum(octet_length(part)) from (table one union all table two) t")
    await connection.close()
    return int(size)


def restored_in(told: str) -> tuple[float, float]:
    found = re.search(r": ([\d.]+) MB, .*restored in ([\d.]+) s", told)
    assert found is not None, told
    return float(found[2]), float(found[1])
