"""The database under a worker takes no writes for a while: the worker waits, and goes on by itself. S10 looks at the rest."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.settings import Settings
from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_workers import Workers


class Server:
    def __init__(self, owner: "asyncpg.Connection[Any]") -> None:
        self.owner = owner

    async def takes_writes(self, yes: bool) -> None:
        """To whoever connects from now on; the worker's connection is cut."""
        name = await self.owner.fetchval("select current_database()")
        await self.owner.execute(f'alter database "{name}" set default_transaction_read_only = {"off" if yes else "on"}')
        await self.owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'xinxin-queue'", name
        )


@pytest.fixture
async def server(queue_settings: Settings) -> AsyncIterator[Server]:
    owner = await asyncpg.connect(str(queue_settings.database_url))
    made = Server(owner)
    yield made
    await owner.execute("set default_transaction_read_only = off")
    await made.takes_writes(True)
    await owner.close()


async def test_a_worker_waits_for_a_database_that_takes_no_writes(queue: Queue, workers: Workers, server: Server) -> None:
    process = workers.start(clock=True, once=queue_workers.once)
    await queue.items(3)
    await until(queue.empty, "the worker works")
    await server.takes_writes(False)

    async def tried_twice() -> bool:
        return workers.said().count("worker.no_database") >= 2

    await until(tried_twice, "it finds no database that it can work with, again and again")
    await server.takes_writes(True)
    await queue.put("tests.once", ["1"])
    await until(queue.empty, "it works again")
    assert process.is_alive()


async def test_without_patience_it_ends(queue: Queue, workers: Workers, server: Server) -> None:
    """The known-bad variant."""
    process = workers.start(queue_workers.without_patience, clock=True, once=queue_workers.once)
    await queue.items(1)
    await until(queue.empty, "the worker works")
    await server.takes_writes(False)

    async def ended() -> bool:
        return not process.is_alive()

    await until(ended, "it is gone")
