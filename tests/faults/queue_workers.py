"""Real job workers as processes, forked from one that has loaded everything: they start at once, and may be killed and stopped.

This module is loaded there too; its jobs and its faults exist in those processes alone.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pgqueuer.models import Schedule

from app import observability, ports, worker
from app.db import failures
from app.jobs import leases
from app.jobs.claims import LeasedQueries
from app.jobs.registry import HANDLERS, PERIODIC, Context
from app.jobs.runner import Pace
from app.messages import queries_copies
from app.process import end_with_parent
from app.settings import Settings

PACE = Pace(lease=timedelta(seconds=1.5), poll=timedelta(seconds=0.2), batch=5, at_once=10)
EVERY_MINUTE = "* * * * *"
WORDS = {"openid": "oCanaryOpenid0123456789abcd", "phone": "13700009999", "token": "80_canary", "session_key": "Y2FuYXJ5LWtleQ=="}
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
EFFECTS = """
    create schema faults;
    create table faults.effect (id bigserial primary key, item text not null);
    create table faults.item (id text primary key, effects int not null default 0);
    grant usage on schema faults to xinxin_app;
    grant all on all tables in schema faults to xinxin_app;
    grant all on all sequences in schema faults to xinxin_app
"""


def load() -> None:
    """Lets the process that workers are forked from load its code, while the caller does something else."""
    forkserver.ensure_running()


async def once(context: Context, payload: dict[str, Any]) -> None:
    """As the product's jobs are: the state is looked at again, so that a second run changes nothing. Takes a moment before its commit."""
    async with context.database.transaction() as session:
        connection = await session.connection()
        changed = sa.text("update faults.item set effects = effects + 1 where id = :item and effects = 0")
        await connection.execute(changed, payload)
        await connection.execute(sa.text("select pg_sleep(0.03)"))


async def slow(context: Context, payload: dict[str, Any]) -> None:
    """Looks at nothing: run twice, it does its work twice, unless the second commit is refused."""
    async with context.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(sa.text("insert into faults.effect (item) values (:item)"), payload)
        await connection.execute(sa.text("select pg_sleep(0.6)"))


async def endless(context: Context, payload: dict[str, Any]) -> None:
    await asyncio.Event().wait()  # nothing sets it: whoever is here is killed or stopped


async def tick(context: Context) -> None:
    async with context.database.transaction() as session:
        await (await session.connection()).execute(sa.text("insert into faults.effect (item) values ('tick')"))


async def own(context: Context) -> None:
    async with context.database.transaction() as session:
        await (await session.connection()).execute(sa.text("insert into faults.effect (item) values ('own')"))


def own_clock() -> None:
    """The known-bad variant beside the good clock: whoever sees the tick of `tests.own` takes it, once in each process."""
    PERIODIC["tests.own"] = (EVERY_MINUTE, own)
    fetch, enqueue, seen = LeasedQueries.fetch_schedule, LeasedQueries.enqueue, set()

    async def fetched(self: LeasedQueries, entrypoints: dict[Any, Any]) -> Any:
        found = await fetch(self, {one: delay for one, delay in entrypoints.items() if one.entrypoint != "tests.own"})
        rows = await self.driver.fetch("select * from jobs.pgqueuer_schedules where entrypoint = 'tests.own' and $1::bool", not seen)
        seen.update(str(row["id"]) for row in rows)
        return [*found, *map(Schedule.model_validate, rows)]

    async def added(self: LeasedQueries, name: str, payload: Any, priority: Any, **options: Any) -> Any:
        return await enqueue(self, name, payload, priority, **({} if name == "tests.own" else options))

    LeasedQueries.fetch_schedule, LeasedQueries.enqueue = fetched, added  # type: ignore[assignment, method-assign]


def deaf() -> None:
    """The known-bad variant: a worker that goes at once when it is asked to stop."""
    worker.stopped_by_signal = _gone_by_signal


def _gone_by_signal() -> asyncio.Event:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    return asyncio.Event()


async def leaky(context: Context, payload: dict[str, Any] | None = None) -> None:
    """Fails as a careless handler would: with what it has in hand in the texts of its exceptions."""
    try:
        raise KeyError(WORDS["openid"], WORDS["phone"])
    except KeyError as error:
        raise RuntimeError(f"token {WORDS['token']} session_key {WORDS['session_key']}") from error


def all_leak() -> None:
    """Every kind of job of the product, and what comes by the clock, fails so."""
    HANDLERS.update(dict.fromkeys(HANDLERS, leaky))
    PERIODIC["tests.leaky"] = ("0 0 1 1 *", leaky)


def without_lanes() -> None:
    """The known-bad variant: copies to one person do not wait for each other."""
    plain = queries_copies.standing

    async def alone(*args: Any, **options: Any) -> Any:
        return replace(await plain(*args, **options), busy=False)

    queries_copies.standing = alone


def sound_sleeper() -> None:
    """The known-bad variant: what failed rests to the end of its pause, whatever succeeds meanwhile."""

    async def asleep(self: LeasedQueries, name: str) -> None:
        return None

    LeasedQueries.wake = asleep  # type: ignore[method-assign]


def without_patience() -> None:
    """The known-bad variant: a worker whose database takes no writes ends."""
    failures.passes = lambda error: False


def without_fence() -> None:
    """The known-bad variant: a worker that lost a job may still commit."""
    sa.event.remove(leases.SyncSession, "before_commit", leases._expect_lease)


def done_first() -> None:
    """The known-bad variant: a job is gone from the queue as soon as it is taken."""
    plain = LeasedQueries.dequeue

    async def taken(self: LeasedQueries, *args: Any, **options: Any) -> Any:
        jobs = await plain(self, *args, **options)
        await self.driver.execute("delete from jobs.pgqueuer where id = any($1::bigint[])", [job.id for job in jobs])
        return jobs

    LeasedQueries.dequeue = taken  # type: ignore[assignment, method-assign]


def _work(settings: Settings, log: str, fault: Callable[[], None] | None, handlers: dict[str, Any], clock: bool, grace: float) -> None:
    end_with_parent(os.getppid(), order=signal.SIGKILL)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    observability.configure("worker")
    ports.connect()
    HANDLERS.update(handlers)
    PERIODIC.clear()
    if clock:
        PERIODIC["tests.tick"] = (EVERY_MINUTE, tick)
    if fault is not None:
        fault()
    asyncio.run(worker.run(settings, PACE, grace=grace))


@dataclass
class Workers:
    """The worker processes of one test, all of them ended after it."""

    settings: Settings
    log: Path
    alive: list[Any] = field(default_factory=list)

    def start(
        self, fault: Callable[[], None] | None = None, *, clock: bool = False, grace: float = 2.0, **handlers: Any
    ) -> Any:
        """`handlers` by the last part of their names, `tests.` before it."""
        named = {f"tests.{name}": handler for name, handler in handlers.items()}
        process = FORKS.Process(target=_work, args=(self.settings, str(self.log), fault, named, clock, grace), daemon=True)
        process.start()
        self.alive.append(process)
        return process

    def kill(self, process: Any) -> None:
        """kill -9; returns when it is gone."""
        process.kill()
        process.join()
        self.alive.remove(process)

    def end(self) -> None:
        for process in list(self.alive):
            self.kill(process)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""
