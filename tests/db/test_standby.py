"""A standby is read from only while it is close behind: not when it stands still, is promoted, or is gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from app.db import session as db_session
from app.db import standby as standbys
from app.db.session import Database
from app.db.standby import Standby
from tests.support.service import until
from tests.trust.rig.standby import Pair, pair


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pair(synchronous=False) as made:
        yield made


@pytest.fixture
async def primary(servers: Pair) -> AsyncIterator[Database]:
    database = db_session.connect(servers.first.url("postgres"), info={}, pool_size=2, role=None)
    yield database
    await database.close()


@pytest.fixture
async def standby(servers: Pair, primary: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Standby]:
    monkeypatch.setattr(standbys, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(standbys, "BEHIND_SECONDS", 0.5)
    far = db_session.connect(servers.second.url("postgres"), info={}, pool_size=2, role=None, give_up=1.0)
    async with standbys.beside(primary, far) as made:
        yield made


async def becomes(standby: Standby, *, fresh: bool) -> None:
    async with asyncio.timeout(20):
        while standby.fresh is not fresh:  # noqa: ASYNC110 - it is time itself that is waited for
            await asyncio.sleep(0.02)


async def write(primary: Database) -> None:
    async with primary.transaction() as session:
        await session.exec(sa.text("select pg_current_xact_id()"))
        await session.exec(sa.text("create table if not exists kept (id int)"))
        await session.exec(sa.text("insert into kept values (1)"))


async def test_one_that_stands_still_is_left_alone_until_it_has_caught_up(servers: Pair, primary: Database, standby: Standby) -> None:
    await becomes(standby, fresh=True)
    servers.second.asked("select pg_wal_replay_pause()")
    await write(primary)
    await becomes(standby, fresh=False)
    servers.second.asked("select pg_wal_replay_resume()")
    await becomes(standby, fresh=True)
    async with standby.database.reader() as session:
        assert (await session.exec(sa.text("select count(*) from kept"))).scalar_one() == 1


async def test_what_has_arrived_is_not_yet_what_is_read(
    servers: Pair, primary: Database, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: a standby judged by what it was sent would be read from without the row."""
    sent = "pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint"
    monkeypatch.setattr(standbys, "ARRIVED", sa.text(f"select {sent}"))
    rows = sa.text("select count(*) from kept")
    servers.second.asked("select pg_wal_replay_pause()")
    async with standby.database.reader() as session:
        before = (await session.exec(rows)).scalar_one()
    await write(primary)
    written = servers.first.asked("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    until(lambda: servers.second.asked(f"select {sent}") >= written, 20, "it has arrived")
    await standby.look()
    async with standby.database.reader() as session:
        assert standby.fresh and (await session.exec(rows)).scalar_one() == before
    servers.second.asked("select pg_wal_replay_resume()")


async def test_one_that_is_gone_or_goes_its_own_way_is_left_alone(servers: Pair, standby: Standby) -> None:
    await becomes(standby, fresh=True)
    servers.second.stop()
    await becomes(standby, fresh=False)
    servers.second.start()
    await becomes(standby, fresh=True)
    servers.second.asked("select pg_promote()")
    await becomes(standby, fresh=False)
    await standby.look()  # both answer, and it is a primary
    assert not standby.fresh
