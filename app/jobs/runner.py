"""The worker's loop: PgQueuer with our handlers, retries with growing pauses, dead letters kept with status `failed`."""

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.core.executors import EntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.types import Channel
from pgqueuer.models import Context as JobContext
from pgqueuer.models import Job, Schedule

from app.jobs.queue import SETTINGS, queries_over
from app.jobs.registry import HANDLERS, PERIODIC, Context, Handler, Periodic
from app.observability import get_logger

log = get_logger(__name__)

MAX_ATTEMPTS = 8  # with the pauses below: about five minutes
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
BATCH, AT_ONCE = 5, 10
POLL = timedelta(seconds=5)


@dataclass
class Persistent(EntrypointExecutor):
    """Asks for the job again after a failure. Only the kind of the failure is kept: its text may hold personal data."""

    async def execute(self, job: Job, context: JobContext) -> None:
        try:
            await super().execute(job, context)
        except Exception as error:
            log.warning("job.failed", job=job.entrypoint, attempt=job.attempts + 1, error=type(error).__name__, exc_info=error)
            if job.attempts + 1 >= MAX_ATTEMPTS:
                log.error("job.dead", job=job.entrypoint, id=int(job.id))
                raise
            pause = min(FIRST_PAUSE * 2**job.attempts, LONGEST_PAUSE)
            raise RetryRequested(delay=pause, reason=type(error).__name__) from None


async def build(connection: "asyncpg.Connection[Any]", context: Context) -> PgQueuer:
    """A queue worker over a connection of its own, with every registered handler."""
    driver = AsyncpgDriver(connection)
    queuer = PgQueuer(driver, channel=Channel(SETTINGS.channel), queries=queries_over(driver))
    for name, handler in HANDLERS.items():
        queuer.entrypoint(name, on_failure="hold", executor_factory=_executor)(partial(_run, context, handler))
    for name, (cron, job) in PERIODIC.items():
        queuer.schedule(name, cron, clean_old=True)(partial(_run_periodic, context, job))
    return queuer


def _executor(parameters: EntrypointExecutorParameters) -> Persistent:
    return Persistent(parameters)


async def _run(context: Context, handler: Handler, job: Job) -> None:
    await handler(context, json.loads(job.payload or b"{}"))


async def _run_periodic(context: Context, job: Periodic, schedule: Schedule) -> None:
    try:
        await job(context)
    except Exception as error:
        log.error("periodic.failed", job=schedule.entrypoint, error=type(error).__name__, exc_info=error)
