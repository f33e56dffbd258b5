"""How a database comes to the present schema: step by step, each of which commits; never from a schema that is newer than the program."""

import asyncio

import asyncpg
import pytest

from app.db import migrate
from tests.conftest import migrated_database, new_database


async def asked(url: str, *statements: str) -> object:
    """What the last one says."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


@pytest.mark.check("S18", tier="P")
async def test_a_newer_schema_is_refused_and_left_alone(worker_id: str) -> None:
    url = await migrated_database(f"xinxin_newer_{worker_id}")
    await asked(url, "update alembic_version set version_num = '9999'")
    with pytest.raises(SystemExit, match=r"9999.*newer"):
        await asyncio.to_thread(migrate.upgrade, url)
    assert await asked(url, "select version_num from alembic_version") == "9999"


@pytest.mark.check("S18", tier="P")
async def test_what_breaks_off_goes_on_at_the_missing_step(worker_id: str) -> None:
    """The steps before it are there: none of them held its locks for the length of the ones after it."""
    url = await new_database(f"xinxin_broken_{worker_id}")
    await asked(url, "create schema jobs", "create table jobs.pgqueuer (in_the_way int)")
    with pytest.raises(Exception, match="pgqueuer"):
        await asyncio.to_thread(migrate.upgrade, url)
    assert await asked(url, "select version_num from alembic_version") == "0008"
