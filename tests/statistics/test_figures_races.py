"""Two processes that count at once count everything once; one that dies in the middle has counted nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.db import session as db_session
from app.db.session import Database
from app.statistics import rebuilding, service
from tests.conftest import migrated_database
from tests.support.owner import as_owner

REPORTS = 40
FILED = f"""
insert into report (id, created_at, number, member_id, status, version, category_code, severity, text_check, community_id, area_path, lng,
                    lat, late, reopen_count, rework_count, extension_count)
select md5('r' || n)::uuid, clock_timestamp(), 'R' || n, md5('m')::uuid, 'submitted', 1, 'road_hole', 'normal', 'pass', md5('a')::uuid,
       '370899/370899001/', 116.7, 35.5, false, 0, 0, 0 from generate_series(1, {REPORTS}) n"""


@pytest.fixture
async def apart(worker_id: str) -> AsyncIterator[Database]:
    """A database of its own, with reports that nobody has counted; real commits."""
    url = await migrated_database(f"xinxin_figures_{worker_id}")
    database = db_session.connect(url, info={}, pool_size=4, statement_timeout_ms=60_000)
    async with database.engine.begin() as connection, as_owner(connection):
        await connection.execute(sa.text("set local session_replication_role = replica"))  # no areas, no people: nothing refers to them
        await connection.execute(sa.text(FILED))
        await connection.execute(sa.text("insert into report_stale (report_id) select id from report"))
    yield database
    await database.close()


async def counted(database: Database) -> int:
    async with database.session() as session:
        found = await session.exec(sa.text(
            "select coalesce(sum(received), 0) from report_summary s join report_series r on r.id = s.series_id"
            " where r.area_path = '370899/' and r.dimension = 'total' and s.month"
        ))
        return int(found.scalar_one())


async def two_at_once(database: Database) -> int:
    """One counts and does not commit yet; a report is written; another counts; what stands there in the end."""
    async with database.session() as first, database.session() as second:
        await service.roll_up(first)
        async with database.transaction() as writer:
            await writer.exec(sa.text("update report set version = version + 1"))
        other = asyncio.create_task(service.roll_up(second))
        await asyncio.wait({other}, timeout=0.5)  # without turns it waits for the rows of the first
        await first.commit()
        await other
        await second.commit()
    return await counted(database)


async def test_two_at_once_count_once(apart: Database) -> None:
    assert await two_at_once(apart) == REPORTS
    async with apart.transaction() as session:
        assert await service.roll_up(session) == REPORTS, "the marks of the second writing are still there"
    assert await counted(apart) == REPORTS
    async with apart.transaction() as session:
        assert await rebuilding.differences(session) == []


async def test_without_turns_two_count_twice(apart: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant, which passes over the marks that another is at work on: the race above is noticed."""
    monkeypatch.setattr(service, "TURN", sa.text("select true"))
    monkeypatch.setattr(service, "TAKE", sa.text(str(service.TAKE).replace(") returning", " for update skip locked) returning")))
    try:
        assert await two_at_once(apart) != REPORTS
    except IntegrityError as error:
        assert "report_" in str(error)


async def test_one_that_dies_has_counted_nothing(apart: Database) -> None:
    async with apart.session() as session:
        assert await service.roll_up(session) == REPORTS
        await session.rollback()
    assert await counted(apart) == 0
    async with apart.transaction() as session:
        assert await service.roll_up(session) == REPORTS
    assert await counted(apart) == REPORTS


async def test_a_report_that_is_written_during_a_rebuild_counts_once(apart: Database) -> None:
    async with apart.session() as session:
        await rebuilding.rebuild(session)
        async with apart.transaction() as writer:
            await writer.exec(sa.text("update report set category_code = 'grate' where number = 'R1'"))
        await session.commit()
    async with apart.transaction() as session:
        assert await service.roll_up(session) == 1
    async with apart.transaction() as session:
        assert await rebuilding.differences(session) == []
    assert await counted(apart) == REPORTS
