"""A start asks its database first, and loads what changes one only where there is something to change."""

import asyncio
import subprocess
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from app import server
from app.db import migrate, standing
from app.demo import plan
from app.settings import Settings
from tests.conftest import migrated_database, new_database

COUNTY = plan.COUNTY_CODE
ITS_AREA = f"insert into area (id, level, code, name, path, version) values ('{uuid4()}', 'county', '{COUNTY}', '县', '{COUNTY}/', 1)"


async def told(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_the_newest_migration_is_known_by_its_file() -> None:
    assert [standing.newest()] == ScriptDirectory.from_config(migrate.configuration()).get_heads()


async def test_it_stands_with_its_schema_and_its_county(worker_id: str) -> None:
    url = await migrated_database(f"xinxin_stands_{worker_id}")
    assert await standing.stands(url, county=None)
    assert not await standing.stands(url, county=COUNTY)
    await told(url, ITS_AREA)
    assert await standing.stands(url, county=COUNTY)
    for other in ("0001", "9999"):
        await told(url, f"update alembic_version set version_num = '{other}'")
        assert not await standing.stands(url, county=COUNTY)


async def test_what_cannot_be_asked_does_not_stand(worker_id: str, tmp_path: Path) -> None:
    assert not await standing.stands(await new_database(f"xinxin_bare_{worker_id}"), county=None)
    for nowhere in (f"postgresql://postgres@/xinxin?host={tmp_path}", "mysql://xinxin@127.0.0.1/xinxin"):
        assert not await standing.stands(nowhere, county=None)


class Process:
    """What would be started."""

    returncode = 0
    heard: list[bytes] = []

    def __init__(self, command: list[str], **options: object) -> None: ...

    def communicate(self, line: bytes) -> None:
        self.heard.append(line)


async def test_a_start_begins_the_demo_only_where_the_county_is_missing(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await migrated_database(f"xinxin_start_{worker_id}")
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(Process, "heard", heard := [])
    await asyncio.to_thread(server.Groundwork(Settings(database_url=url, demo=True)).finish, url)
    assert heard == [f"{url}\n".encode()]
    await told(url, ITS_AREA)
    await asyncio.to_thread(server.Groundwork(Settings(database_url=url, demo=True)).finish, url)
    assert len(heard) == 1
