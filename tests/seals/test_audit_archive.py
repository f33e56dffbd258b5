"""The trail beyond its 400 days: whole files, proved by the chain, before the rows go; and what is done to a file is found."""

import gzip
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import clock
from app.db.session import AsyncSession, Database
from app.seals import archiving, running, service
from app.seals.findings import Wrong
from app.storage.store import ObjectStore
from tests.seals.conftest import Tamper

OLD = sa.text(
    "insert into audit_event (id, created_at, actor_kind, action, object_kind, outcome, facts)"
    " values (:id, :at, 'job', 'tests.old', 'test', 'ok', '{\"points\": 3}')"
)
# Two months that are over, and a day that is not.
DAYS = (datetime(2023, 11, 25, 8, tzinfo=UTC), datetime(2023, 12, 9, 8, tzinfo=UTC), clock.now() - timedelta(days=399))
EACH = 3
LEFT = sa.text("select count(*) from audit_event where action = 'tests.old'")


@pytest.fixture
async def old(session: AsyncSession, chain: None) -> list[UUID]:
    """Sealed as they were written."""
    rows = [(made_at(day, number), day) for day in DAYS for number in range(EACH)]
    for row, day in rows:
        await session.exec(OLD, params={"id": row, "at": day})
    await service.seal_all(session)
    return [row for row, _ in rows]


def made_at(day: datetime, number: int) -> UUID:
    """A UUID of version 7, as the database draws them."""
    return UUID(int=int(day.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number)


async def kept(store: ObjectStore) -> list[str]:
    return sorted([found.key async for page in store.listing(archiving.FOLDER) for found in page])


@pytest.mark.check("S44", part=True)
async def test_old_events_leave_for_files_that_the_chain_proves(
    database: Database, session: AsyncSession, old: list[UUID], folder: ObjectStore
) -> None:
    assert await archiving.archive(database, folder) == 6
    names = await kept(folder)
    assert [name.removeprefix("archive/audit/")[:7] for name in names] == ["2023/11", "2023/12"]
    lines = gzip.decompress(await folder.get(names[0])).decode().splitlines()
    assert len(lines) == 3 and lines[0].startswith(f'["audit_event", "{old[0]}", "2023-11-25T08:00:00"')
    assert (await session.exec(LEFT)).scalar_one() == 3, "what is younger stays"
    assert await archiving.archive(database, folder) == 0
    await service.seal_all(session)
    verdict = await running.check(database, folder)
    assert verdict.clean and verdict.pruned == 6, list(verdict.findings())


@pytest.mark.check("S44", part=True)
async def test_an_archive_that_was_touched_is_found(
    database: Database, session: AsyncSession, old: list[UUID], folder: ObjectStore, tamper: Tamper
) -> None:
    await archiving.archive(database, folder)
    name, other = await kept(folder)
    whole = await folder.get(name)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    changed = [lines[0].replace(b'"points":3', b'"points":4').replace(b'"points": 3', b'"points": 4'), *lines[1:]]
    assert changed != lines
    for harmed, said in ((lines[:2], "not the file that the trail tells of"), (changed, "not the file"), (None, "missing")):
        await folder.delete(name)
        if harmed is not None:
            await folder.put(name, gzip.compress(b"".join(harmed), mtime=0))
        found = await archiving.prove(database, folder)
        assert len(found) == 1 and found[0].startswith(name) and said in found[0], found
    await tamper("delete from audit_event where action = 'seals.archive'")  # somebody takes away what the trail tells of it as well
    await folder.put(name, gzip.compress(b"".join([lines[0].replace(b"ok", b"no", 1), *lines[1:]]), mtime=0))
    assert await archiving.prove(database, folder) == [f"{name}: line 1"], "the chain itself knows each line"
    verdict = await running.check(database, folder)
    assert Wrong.ARCHIVE in verdict.counts and other not in str(verdict.named[Wrong.ARCHIVE])


async def test_a_run_that_ended_between_file_and_rows_is_taken_up(database: Database, old: list[UUID], folder: ObjectStore) -> None:
    async with database.reader() as session:
        batch = await archiving._next(session)
    assert batch is not None
    await archiving._put(folder, batch)
    assert await archiving.archive(database, folder) == 6 and len(await kept(folder)) == 2


async def test_another_file_under_the_name_keeps_the_rows(
    database: Database, session: AsyncSession, old: list[UUID], folder: ObjectStore
) -> None:
    """The known-bad variant: whoever deletes first and writes afterwards loses them here."""
    async with database.reader() as reader:
        batch = await archiving._next(reader)
    assert batch is not None
    await folder.put(batch.key, gzip.compress(b"other\n"))
    with pytest.raises(archiving.NotOurs):
        await archiving.archive(database, folder)
    assert (await session.exec(LEFT)).scalar_one() == EACH * len(DAYS)


async def test_archives_end_three_years_later(database: Database, folder: ObjectStore) -> None:
    for month in ("2020/01", "2025/09"):
        await folder.put(f"{archiving.FOLDER}/{month}/a-b.jsonl.gz", b"x")
    assert await archiving.end(database, folder) == 1
    assert [name[14:21] for name in await kept(folder)] == ["2025/09"]
