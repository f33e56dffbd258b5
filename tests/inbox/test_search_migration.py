"""What reports are searched by begins with the reports of before, follows what an older release writes, and goes without a trace."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db import migrate
from app.db import session as db_session
from tests.conftest import new_database

BEFORE, SEARCH = "0025", "0026"
PEOPLE = (
    f"insert into account (id, kind, status, version) values ('{uuid4()}', 'wechat', 'active', 1)",
    f"insert into area (id, level, code, name, path, version) values ('{uuid4()}', 'county', '370899', '县', '370899/', 1)",
)
FILED = (
    "insert into report (id, number, member_id, status, version, severity, text_check, community_id, area_path, lng, lat, late,"
    " reopen_count, rework_count, extension_count, description_sealed, address_sealed) select gen_random_uuid(), '{}', a.id, 'submitted',"
    " 1, 'normal', 'pending', c.id, c.path, 116.7, 35.5, false, 0, 0, 0, 'words', 'address' from account a, area c limit 1"
)
MADE = "update report_gram set grams = '{1,2}', made_under = 'k1/aes-256-gcm'"
ROW = sa.text("select cardinality(grams), made_under from report_gram")


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def ran(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.exec_driver_sql(statement)


@pytest.fixture
async def engine(worker_id: str) -> AsyncIterator[AsyncEngine]:
    """A database with a report of before the search."""
    url = await new_database(f"xinxin_search_{worker_id}")
    opened = db_session.connect(url, info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    async with opened.engine.begin() as connection:
        await connection.run_sync(to(BEFORE))
        await ran(connection, *PEOPLE, FILED.format("R20261122-000001"))
    yield opened.engine
    await opened.close()


async def test_up_down_and_up_again(engine: AsyncEngine) -> None:
    for _ in range(2):
        async with engine.begin() as connection:
            await connection.run_sync(to(SEARCH))
        async with engine.begin() as connection:
            assert (await connection.execute(ROW)).all() == [(0, None)], "what was there before is due"
            await connection.run_sync(to(BEFORE, down=True))
        async with engine.begin() as connection:
            await ran(connection, "update report set description_sealed = 'other words'")
            left = await connection.exec_driver_sql("select count(*) from pg_proc where proname = 'report_gram_follow'")
            assert left.scalar_one() == 0


@pytest.mark.parametrize(
    ("change", "then"),
    [
        ("description_sealed = 'other words'", (2, None)), ("address_sealed = 'elsewhere'", (2, None)),
        ("description_sealed = null", (0, None)), ("address_sealed = null", (0, None)),
        ("description_sealed = null, address_sealed = null", (0, None)),
        ("version = version + 1, description_sealed = description_sealed", (2, "k1/aes-256-gcm")),
    ],
)
async def test_it_follows_the_sentences_whoever_writes_them(engine: AsyncEngine, change: str, then: tuple[int, str | None]) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(to(SEARCH))
    async with engine.begin() as connection:
        await ran(connection, "delete from report", FILED.format("R20261122-000002"))
        assert (await connection.execute(ROW)).all() == [(0, None)], "made with the report, gone with it"
        await ran(connection, MADE, f"update report set {change}")
        assert (await connection.execute(ROW)).all() == [then]
