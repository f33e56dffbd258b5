"""An address of several servers, and what the pool does about one that takes no writes any more."""

import os

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import addresses, commits, failures
from app.db import session as db_session
from app.errors import Busy

TWO = "postgresql://who:p%40ss@one:5433,two/xinxin"


def test_several_servers_are_asked_for_the_one_that_takes_writes() -> None:
    url = addresses.engine_url(TWO)
    _, given = url.get_dialect()().create_connect_args(url)
    assert given == {
        "user": "who", "password": "p@ss", "database": "xinxin", "host": ["one", "two"], "port": [5433, 5432],
        "target_session_attrs": "read-write",
    }
    assert addresses.plain(TWO) == f"{TWO}?target_session_attrs=read-write"
    assert addresses.plain(f"{TWO}?target_session_attrs=any") == f"{TWO}?target_session_attrs=any"
    socket = "postgresql://postgres@/xinxin?host=/run/x&port=5432"
    assert addresses.plain(socket) == socket and addresses.engine_url(socket).query["host"] == "/run/x"


@pytest.mark.check("S10", tier="P")
async def test_one_refused_write_lets_go_of_every_connection_to_a_demoted_server() -> None:
    """What is read-only is one connection here, and one of the server's after a demotion: the pool hears the same."""
    assert await kept_after_a_refused_write() == 0


@pytest.mark.variant("S10")
async def test_variant_a_pool_that_does_not_listen_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "DEMOTED", frozenset())
    assert await kept_after_a_refused_write() == 2


async def kept_after_a_refused_write() -> int:
    """How many of two connections are still used after one of them has heard 25006."""
    database = db_session.connect(os.environ["XINXIN_TEST_SERVER"], info={}, pool_size=2, role=None)
    try:
        async with database.engine.connect() as one, database.engine.connect() as two:
            before = {await pid(one), await pid(two)}
        async with database.engine.connect() as refused:
            with pytest.raises(DBAPIError):
                await refused.execute(sa.text("set local transaction_read_only = on"))
                await refused.execute(sa.text("create table nowhere ()"))
        async with database.engine.connect() as one, database.engine.connect() as two:
            return len(before & {await pid(one), await pid(two)})
    finally:
        await database.close()


async def pid(connection: AsyncConnection) -> int:
    return int(await connection.scalar(sa.text("select pg_backend_pid()")) or 0)


async def test_a_commit_that_does_not_come_back_is_hung_up_and_no_other_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deferred trigger sleeps in the COMMIT, as one sleeps that waits for a standby; what only reads goes on."""
    monkeypatch.setattr(commits, "SECONDS", 0.2)
    monkeypatch.setattr(commits, "PROBE", "select pg_sleep(1)")
    address = os.environ["XINXIN_TEST_SERVER"]
    plain = await asyncpg.connect(address)
    database = db_session.connect(address, info={}, pool_size=2, role=None)
    try:
        await plain.execute(SLOW)
        with pytest.raises(DBAPIError) as lost:
            async with database.transaction() as session:
                await session.exec(sa.text("insert into slow_commit values (1)"))
        assert lost.value.connection_invalidated and database.halted
        with pytest.raises(Busy):
            async with database.transaction() as session:
                await session.exec(sa.text("select 1"))
        async with database.reader() as session:
            assert (await session.exec(sa.text("select 1"))).scalar_one() == 1
    finally:
        await database.close()
        await plain.execute(GONE)
        await plain.close()


SLOW = """
create table slow_commit (id int);
create function slow_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(1.5); return null; end $$;
create constraint trigger slow after insert on slow_commit deferrable initially deferred for each row execute function slow_commit()"""
GONE = "drop table slow_commit; drop function slow_commit()"
