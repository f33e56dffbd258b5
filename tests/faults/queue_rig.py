"""The queue of a database of its own, for tests that kill and stop the workers on it; what they commit is gone after each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import session as db_session
from app.db.session import Database
from app.jobs import service as jobs_service
from app.parts import session_info
from app.settings import Settings
from tests.conftest import migrated_database
from tests.faults import queue_workers
from tests.faults.queue_workers import EFFECTS, Workers

LEFT_BEHIND = ("jobs.pgqueuer", "jobs.pgqueuer_schedules", "faults.item", "faults.effect")


@pytest.fixture(scope="session")
async def queue_settings(settings: Settings, worker_id: str) -> Settings:
    """A database of its own, whose rows are really committed."""
    queue_workers.load()
    url = await migrated_database(f"xinxin_queue_{worker_id}")
    owner = db_session.connect(url, info={}, pool_size=1, role=None)
    async with owner.engine.begin() as connection:
        for statement in EFFECTS.split(";"):
            await connection.execute(sa.text(statement))
    await owner.close()
    return settings.model_copy(update={"database_url": url})


@pytest.fixture(scope="session")
async def queue_database(queue_settings: Settings) -> AsyncIterator[Database]:
    database = db_session.connect(str(queue_settings.database_url), info=session_info(queue_settings), pool_size=2)
    yield database
    await database.close()


@pytest.fixture
def workers(queue_settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(queue_settings, tmp_path / "worker.log")
    yield made
    made.end()


@pytest.fixture
async def queue(queue_database: Database) -> AsyncIterator["Queue"]:
    yield Queue(queue_database)
    async with queue_database.transaction() as session:
        connection = await session.connection()
        for table in LEFT_BEHIND:
            await connection.execute(sa.text(f"delete from {table}"))


class Queue:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def ask(self, text: str, **values: Any) -> list[Any]:
        async with self.database.reader() as session:
            return [tuple(row) for row in await (await session.connection()).execute(sa.text(text), values)]

    async def number(self, text: str, **values: Any) -> int:
        return int((await self.ask(text, **values))[0][0])

    async def put(self, name: str, items: list[str]) -> None:
        async with self.database.transaction() as session:
            for item in items:
                await jobs_service.enqueue(session, name, {"item": item})

    async def left(self) -> int:
        return await self.number("select count(*) from jobs.pgqueuer")

    async def items(self, count: int) -> None:
        """So many items to be worked on once, and their jobs."""
        items = [str(number) for number in range(count)]
        await self.do("insert into faults.item (id) select unnest(cast(:ids as text[]))", ids=items)
        await self.put("tests.once", items)

    async def do(self, text: str, **values: Any) -> None:
        async with self.database.transaction() as session:
            await (await session.connection()).execute(sa.text(text), values)

    async def empty(self) -> bool:
        return await self.left() == 0

    async def pass_time(self, seconds: int) -> None:
        """So much later for everything that waits."""
        waiting = "update jobs.pgqueuer set execute_after = execute_after - make_interval(secs => :s) where status = 'queued'"
        await self.do(waiting, s=seconds)
        await self.do("update message set copy_until = copy_until - make_interval(secs => :s) where copy_until is not null", s=seconds)

    async def holders(self) -> set[Any]:
        return {row[0] for row in await self.ask("select distinct queue_manager_id from jobs.pgqueuer where status = 'picked'")}


async def until(look: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await look():  # noqa: ASYNC110 - it is the database that is looked at
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:.0f} s") from None
