"""The job worker process (`python -m app.worker`): takes jobs from the queue until it is asked to stop."""

import asyncio
import contextlib
import gc
from typing import Any

import asyncpg
from pgqueuer import PgQueuer

import app.handlers
import app.tables  # noqa: F401 - handlers fill the registry, tables the metadata
from app import observability, parts, ports, tracing
from app.db import acting, addresses, failures, roles
from app.jobs import runner
from app.jobs.registry import Context
from app.observability import get_logger
from app.process import end_with_parent, give_back_what_is_large, prepared, stopped_by_signal
from app.seals import sealer
from app.settings import Settings

GRACE_SECONDS = 6.0  # what takes longer goes back into the queue
REST_SECONDS = 1.0
SEAL_SECONDS = 1.0  # after the jobs' grace; the service waits for a worker longer than both
STATEMENT_TIMEOUT_MS = 30_000
# New objects before a look at the youngest, looks before one at the older, and before one at all. With Python's own (700, 10, 10) a worker
# keeps what refers to itself in circles for long: it grew by 33 MB an hour, with these by 4 (measured over minutes).
COLLECT = (700, 5, 2)
PACE = runner.Pace()

log = get_logger(__name__)


async def run(settings: Settings, pace: runner.Pace = PACE, *, grace: float = GRACE_SECONDS) -> None:
    """Works until SIGTERM or SIGINT; what is in hand is finished, or picked up by another worker. A database that is away, or takes no
    writes, is waited for: whoever supervises would take a process that ends again and again for one that cannot work."""
    await prepared(settings.data_dir)
    stop = stopped_by_signal()
    async with parts.opened(
        settings, name="xinxin-worker", statement_timeout_ms=STATEMENT_TIMEOUT_MS, actor={"kind": "job"}, pool_size=pace.at_once,
        most=3 * pace.at_once, acting_for=acting.SERVICE,
    ) as opened:
        sealing = asyncio.create_task(sealer.run(opened.database, stop))
        try:
            context = Context(opened.database, opened.wechat, opened.store, settings)
            while not stop.is_set():
                await _while_connected(context, stop, pace, grace)
        finally:
            await _ended(sealing)


async def _while_connected(context: Context, stop: asyncio.Event, pace: runner.Pace, grace: float) -> None:
    """Works over one connection to the queue for as long as it lasts. Raises what is not the database's trouble."""
    try:
        connection = await _connection(context.settings)
        try:
            await _until_stopped(runner.build(connection, context), stop, pace, grace)
        finally:
            await connection.close(timeout=2)
    except Exception as error:
        if not failures.passes(error):
            raise
        log.warning("worker.no_database", error=type(error).__name__)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            await stop.wait()


async def _connection(settings: Settings) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(
        addresses.plain(str(settings.database_url)),
        server_settings={
            "application_name": "xinxin-queue", "timezone": "UTC", **roles.start_settings(roles.SERVICE),
            **acting.start_settings(acting.SERVICE),
        },
    )


async def _until_stopped(queuer: PgQueuer, stop: asyncio.Event, pace: runner.Pace, grace: float) -> None:
    """Or until the queue ends by itself, because its connection is lost."""
    working = asyncio.create_task(runner.turn(queuer, pace))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    queuer.shutdown.set()
    waiting.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await working


async def _ended(sealing: "asyncio.Task[None]") -> None:
    """Gives the sealer the time of one block; what it had not committed another one seals."""
    await asyncio.wait({sealing}, timeout=SEAL_SECONDS)
    sealing.cancel()
    await asyncio.wait({sealing})


def main() -> None:
    end_with_parent()
    give_back_what_is_large()
    observability.configure("worker")
    ports.connect()
    settings = Settings()
    tracing.configure(settings.otlp_endpoint, process="worker")
    gc.freeze()  # what is loaded stays: no look for garbage has to walk through it
    gc.set_threshold(*COLLECT)
    asyncio.run(run(settings))
    tracing.stop()


if __name__ == "__main__":
    main()
