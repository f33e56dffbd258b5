"""Readers borrow connections from the pool: the same ones, in the same line as everybody, never one that the pool would look at first."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from app.db import pooling
from app.db import session as db_session
from app.db.pooling import MeteredPool
from app.db.prepared import Prepared
from app.db.session import Database
from app.settings import Settings

PID = sa.text("select pg_backend_pid() as pid")
PREPARED = Prepared(PID)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Keeps one connection, and has used it a moment ago."""
    made = db_session.connect(str(settings.database_url), info={}, pool_size=1)
    await by_the_pool(made)
    yield made
    await made.close()


def pool_of(database: Database) -> MeteredPool:
    pool = database.engine.pool
    assert isinstance(pool, MeteredPool)
    return pool


async def by_the_pool(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int((await connection.execute(PID)).scalar_one())


async def borrowed(database: Database) -> int:
    async with database.reader() as reader:
        pid = int((await PREPARED.all(reader))[0]["pid"])
        assert (pool_of(database).checkedout(), pool_of(database).checkedin()) == (1, 0)
        return pid


async def test_it_is_the_pools_own_and_goes_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = {await by_the_pool(database)}
    opened: list[Any] = []
    monkeypatch.setattr(database.engine.sync_engine, "raw_connection", lambda: opened.append(1))
    pids |= {await borrowed(database), await borrowed(database)}
    monkeypatch.undo()
    assert len(pids | {await by_the_pool(database)}) == 1 and not opened
    assert (pool_of(database).checkedout(), pool_of(database).checkedin()) == (0, 1)


async def test_what_has_rested_is_looked_at_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(database.engine.dialect, "do_ping", looked.append)
    await borrowed(database)
    assert not looked
    monkeypatch.setattr(pooling, "REST_SECONDS", 0.0)
    await borrowed(database)
    assert len(looked) == 1


@pytest.mark.parametrize("known", ["lost", "forgotten", "old"])
async def test_what_the_pool_would_make_new_is_not_lent(database: Database, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, before = pool_of(database), await borrowed(database)
    if known == "lost":
        entry = await lent(pool)
        entry.driver_connection.terminate()
        await pool.take_back(entry)
    elif known == "forgotten":  # as after a server that is the primary no longer
        entry = await lent(pool)
        entry.invalidate(soft=True)
        await pool.take_back(entry)
    else:
        monkeypatch.setattr(pool, "_recycle", 0)
    assert await borrowed(database) != before


async def lent(pool: MeteredPool) -> ConnectionPoolEntry:
    entry = await pool.lend()
    assert entry is not None
    return entry


async def test_all_wait_in_one_line(database: Database) -> None:
    served: list[str] = []

    async def reads(name: str) -> None:
        await borrowed(database)
        served.append(name)

    async def works(name: str) -> None:
        await by_the_pool(database)
        served.append(name)

    pool = pool_of(database)
    held = await lent(pool)
    tasks = []
    for name, way in (("first", reads), ("second", works), ("third", reads), ("fourth", works)):
        tasks.append(asyncio.create_task(way(name)))
        await asyncio.sleep(0)
    assert pool.waiting == 4
    await pool.take_back(held)
    await asyncio.gather(*tasks)
    assert served == ["first", "second", "third", "fourth"] and pool.overflow() == 0


async def test_where_all_are_held_one_more_is_opened_for_whoever_waits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one time of patience, not two: the pool's own waiting is over with it."""
    monkeypatch.setattr(pooling, "PATIENCE_SECONDS", 0.2)
    pool = pool_of(database)
    held, looks = await lent(pool), count_looks(monkeypatch)
    async with database.reader() as reader:
        assert (await PREPARED.all(reader))[0]["pid"] and pool.overflow() == 1
    assert pooling.LOOKS <= len(looks) < 2 * pooling.LOOKS
    await pool.take_back(held)
    assert pool.overflow() >= 0 and pool.checkedout() == 0


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many waited whenever their patience was looked at."""
    looks: list[int] = []
    look = pooling.MeteredQueue._look

    def counted(self: pooling.MeteredQueue) -> None:
        looks.append(self.waiting)
        look(self)

    monkeypatch.setattr(pooling.MeteredQueue, "_look", counted)
    return looks


async def test_who_gives_up_takes_nothing_along(database: Database) -> None:
    pool = pool_of(database)
    held = await lent(pool)
    waiting = [asyncio.create_task(borrowed(database)) for _ in range(3)]
    await asyncio.sleep(0)
    await pool.take_back(held)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (pool.checkedout(), pool.checkedin()) == (0, 1)


@pytest.mark.parametrize("knows", [True, False], ids=["closed", "the known-bad variant: kept by a pool that is over"])
async def test_what_comes_back_after_the_pool_is_closed(database: Database, knows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of(database)
    held = await lent(pool)
    driver = held.driver_connection
    await database.let_go()
    if not knows:
        monkeypatch.setattr(pool, "_over", False)
    await pool.take_back(held)
    assert driver.is_closed() is knows
    if not knows:
        driver.terminate()
