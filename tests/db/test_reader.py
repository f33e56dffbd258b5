"""A reader's one connection: prepared statements and everything else go over it, for the same person, and it goes back to the pool."""

from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db import acting
from app.db.acting import Reason
from app.db.lines import LINE
from app.db.pooling import MeteredPool
from app.db.prepared import Prepared
from app.db.session import AsyncSession, Database

TOLD = "select pg_backend_pid() as pid, current_setting('xinxin.account') as account, current_setting('xinxin.persons') as persons"
PREPARED, PLAIN = Prepared(sa.text(TOLD)), sa.text(TOLD)
WRONG = Prepared(sa.text("select 1 / 0"))
ME, OTHER = UUID(int=7), UUID(int=8)


async def prepared(session: AsyncSession) -> tuple[Any, ...]:
    return tuple((await PREPARED.all(session))[0].values())


async def plain(session: AsyncSession) -> tuple[Any, ...]:
    return tuple((await session.exec(PLAIN)).one())


def out(database: Database) -> int:
    return cast(MeteredPool, database.engine.sync_engine.pool).checkedout()


def reader_of(database: Database, person: UUID) -> AsyncSession:
    reader = database.reader()
    reader.info[acting.INFO] = acting.for_account(person, [], [])
    return reader


@pytest.mark.parametrize("first", [prepared, plain], ids=["prepared first", "plain first"])
async def test_both_ways_are_one(committed: Database, first: Any) -> None:
    before = out(committed)
    async with reader_of(committed, ME) as reader:
        told = await first(reader)
        assert told[1:] == (str(ME), str(ME))
        assert await prepared(reader) == await plain(reader) == await prepared(reader) == told
        assert out(committed) == before + 1
    assert out(committed) == before and LINE not in reader.info


async def test_what_it_was_told_between_holds_for_both(committed: Database) -> None:
    async with reader_of(committed, ME) as reader:
        await acting.work_on(reader, OTHER, Reason.TELL)
        assert (await prepared(reader))[2] == (await plain(reader))[2] == f"{ME},{OTHER}"
    async with reader_of(committed, ME) as another:
        assert (await prepared(another))[2] == str(ME)


async def test_what_is_prepared_needs_no_session_besides(committed: Database) -> None:
    async with reader_of(committed, ME) as reader:
        await acting.as_service(reader, Reason.AROUND)
        assert (await prepared(reader))[1] == "*"
        assert reader._made is None  # type: ignore[attr-defined]
        await plain(reader)
        assert reader._made is not None  # type: ignore[attr-defined]


async def test_what_is_refused_gives_the_connection_back(committed: Database) -> None:
    before = out(committed)
    async with reader_of(committed, ME) as reader:
        with pytest.raises(DBAPIError, match="division by zero"):
            await WRONG.all(reader)
        assert (await prepared(reader))[1] == str(ME)
    assert out(committed) == before


async def test_it_can_be_used_again(committed: Database) -> None:
    reader = reader_of(committed, ME)
    for _ in range(2):
        told = await prepared(reader)
        assert await plain(reader) == told
        await reader.close()


async def test_it_leaves_no_transaction_open(committed: Database) -> None:
    """In one, `now()` stands still."""
    clock = Prepared(sa.text("select now() as now"))
    async with reader_of(committed, ME) as reader:
        assert len({(await clock.all(reader))[0]["now"] for _ in range(3)}) == 3
