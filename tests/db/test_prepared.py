"""Statements that go straight to the driver say and give what they would by the long way."""

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlmodel import col

from app import clock
from app.areas.models import Area, Level
from app.db import failures
from app.db import session as db_session
from app.db.base import text_enum
from app.db.lines import LINE, listening
from app.db.prepared import Prepared, spoken
from app.db.session import AsyncSession, Database
from app.errors import Busy
from app.settings import Settings


class Colour(StrEnum):
    RED = "red"


VALUES = Prepared(
    sa.select(
        sa.bindparam("id", type_=sa.Uuid).label("id"), sa.bindparam("at", type_=sa.DateTime(timezone=True)).label("at"),
        sa.bindparam("colour", type_=text_enum(Colour, "colour")).label("colour"), sa.bindparam("fact", type_=JSONB).label("fact"),
        sa.cast(sa.literal("1.50"), sa.Numeric(6, 2)).label("amount"),
        sa.func.cardinality(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))).label("many"),
    )
)
COUNT = Prepared(sa.select(sa.func.count().label("found")).where(col(Area.name) == sa.bindparam("name", type_=sa.Text)))
SLOW = Prepared(sa.text("select pg_sleep(:seconds)").bindparams(sa.bindparam("seconds", type_=sa.Float)))
SAID = Prepared(sa.text("select set_config('xinxin.probe', :word, true) as word").bindparams(sa.bindparam("word", type_=sa.Text)))
HEARD = Prepared(sa.text("select current_setting('xinxin.probe') as word"))
RUNNING = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"


def values() -> dict[str, object]:
    return {"id": uuid4(), "at": clock.now(), "colour": Colour.RED, "fact": {"高": [1, None]}, "ids": [uuid4(), uuid4()]}


async def test_the_short_way_gives_what_the_long_way_gives(session: AsyncSession) -> None:
    asked = values()
    [short] = await VALUES.all(session, **asked)
    long = (await session.exec(VALUES.statement, params=asked)).mappings().one()
    assert dict(short) == dict(long)
    assert isinstance(short["colour"], Colour) and isinstance(short["id"], UUID) and short["fact"] == {"高": [1, None]}


@pytest.mark.parametrize("wrong", [{}, {"nam": "没有"}])
async def test_a_value_that_is_missing_is_no_null(session: AsyncSession, wrong: dict[str, str]) -> None:
    with pytest.raises(StatementError):
        await COUNT.all(session, **wrong)


async def test_whoever_listens_hears_it(session: AsyncSession) -> None:
    heard: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    connection = (await session.connection()).sync_connection
    with listening(connection, "before_cursor_execute", note):
        assert (await COUNT.all(session, name="没有"))[0]["found"] == 0
    assert len(heard) == 1 and "FROM area" in heard[0]


async def test_the_drivers_own_words_are_heard_too(session: AsyncSession) -> None:
    heard: list[str] = []
    words, connection = "select $1::int[] as many", (await session.connection()).sync_connection
    assert [dict(row) for row in await spoken(session, words, [1, 2])] == [{"many": [1, 2]}]

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    with listening(connection, "before_cursor_execute", note):
        assert await spoken(session, words, [3]) == [{"many": [3]}]
    assert heard == [words]
    with pytest.raises(DBAPIError):
        await spoken(session, "select 1 / $1::int", 0)


async def test_what_is_pending_is_written_first(session: AsyncSession) -> None:
    name = uuid4().hex
    session.add(Area(level=Level.COUNTY, code=name[:12], name=name, path=f"{name[:12]}/"))
    assert (await COUNT.all(session, name=name))[0]["found"] == 1


async def test_a_savepoint_takes_back_what_went_this_way(session: AsyncSession) -> None:
    await SAID.all(session, word="before")
    savepoint = await session.begin_nested()
    await SAID.all(session, word="inside")
    await savepoint.rollback()
    assert (await HEARD.all(session))[0]["word"] == "before"


async def test_a_refusal_is_raised_as_the_session_raises_it(session: AsyncSession) -> None:
    twice = Prepared(sa.insert(Area).from_select(["id"], sa.select(sa.bindparam("id", type_=sa.Uuid))).returning(col(Area.id)))
    savepoint = await session.begin_nested()
    with pytest.raises(IntegrityError):
        await twice.all(session, id=uuid4())
    await savepoint.rollback()
    assert (await COUNT.first(session, name="没有")) is not None


async def test_a_unit_of_work_begins_with_it_and_ends_without_its_line(committed: Database) -> None:
    async with committed.session() as session:
        await COUNT.all(session, name="没有")
        adapter = session.info[LINE].adapter
        assert adapter._transaction is not None
        await session.rollback()
        assert LINE not in session.info and adapter._transaction is None
    async with committed.reader() as reader:
        await COUNT.all(reader, name="没有")
        assert reader.info[LINE].adapter._transaction is None


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[Database]:
    """Who sees and ends the work of others."""
    database = db_session.connect(str(settings.database_url), info={}, pool_size=1, role=None)
    yield database
    await database.close()


async def test_a_line_that_is_lost_is_busy_and_leaves_the_pool(committed: Database, owner: Database) -> None:
    async with committed.reader() as reader:
        await COUNT.all(reader, name="没有")
        driver = reader.info[LINE].driver
        pid = driver.get_server_pid()
        async with owner.reader() as other:
            await other.exec(sa.text("select pg_terminate_backend(:pid, 5000)"), params={"pid": pid})
        with pytest.raises(DBAPIError) as caught:
            await COUNT.all(reader, name="没有")
        assert isinstance(failures.refusal_of(caught.value), Busy)
    async with committed.reader() as reader:
        assert (await COUNT.all(reader, name="没有"))[0]["found"] == 0
        assert reader.info[LINE].driver is not driver


async def test_who_leaves_ends_the_statement(committed: Database, owner: Database) -> None:
    async with committed.session() as session:
        await COUNT.all(session, name="没有")
        asked = asyncio.create_task(SLOW.all(session, seconds=4.0))
        async with asyncio.timeout(3), owner.reader() as reader:
            while not (await reader.exec(sa.text(RUNNING))).scalar_one():
                pass
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    async with asyncio.timeout(3), owner.reader() as reader:
        while (await reader.exec(sa.text(RUNNING))).scalar_one():
            pass
