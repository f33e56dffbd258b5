"""The worker's loop: PgQueuer with our handlers, under leases; pauses that grow, dead letters kept with status `failed`."""

import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.types import Channel
from pgqueuer.models import Job, Schedule

from app import tracing
from app.figures import JOB_SECONDS
from app.jobs import leases, workflow
from app.jobs.claims import LeasedQueries
from app.jobs.leases import Lease, LeaseLost
from app.jobs.queue import BUILDER, ENVIRONMENT, SCHEDULES, SETTINGS
from app.jobs.registry import HANDLERS, PERIODIC, Context, Handler, Periodic
from app.jobs.workflow import MOST_CRASHES, Priority
from app.observability import get_logger

log = get_logger(__name__)

Work = Callable[[Context, Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """`lease`: a worker that has not been heard of for so long loses its jobs. It tells twice in that time that it lives."""

    lease: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(seconds=5)
    batch: int = 10
    at_once: int = 20


class KillsWorkers(Exception):
    """So many workers were lost over this job that no further one tries it."""


def build(connection: "asyncpg.Connection[Any]", context: Context) -> PgQueuer:
    """A queue worker over a connection of its own, with every registered handler."""
    driver = AsyncpgDriver(connection)
    queries = LeasedQueries(driver, qbe=ENVIRONMENT, qbq=BUILDER, qbs=SCHEDULES)
    queuer = PgQueuer(driver, channel=Channel(SETTINGS.channel), queries=queries)
    for name, handler in HANDLERS.items():
        queuer.entrypoint(name, on_failure="hold")(partial(_run, queries, context, partial(_handled, handler)))
    for name, (cron, periodic) in PERIODIC.items():
        queuer.entrypoint(name)(partial(_run, queries, context, partial(_periodical, periodic)))
        queuer.schedule(name, cron)(partial(_fall_due, queries))
    return queuer


async def turn(queuer: PgQueuer, pace: Pace) -> None:
    """Works until the queuer is shut down, or raises when its connection is lost."""
    await queuer.run(
        dequeue_timeout=pace.poll, batch_size=pace.batch, max_concurrent_tasks=pace.at_once, heartbeat_timeout=pace.lease,
        shutdown_on_listener_failure=True, log_aggregation_interval=timedelta(0),
    )


async def _run(queries: LeasedQueries, context: Context, work: Work, job: Job) -> None:
    """One run of a job: timed, and under the name of the request that caused it."""
    cause, started, outcome = job.headers or {}, time.perf_counter(), "failed"
    request_id, parent = (str(cause[name]) if name in cause else None for name in ("request_id", "traceparent"))
    named = {"request_id": request_id} if request_id else {}
    if named:
        context = replace(context, database=context.database.carrying(**named))
    try:
        with structlog.contextvars.bound_contextvars(job=job.entrypoint, **named), tracing.span(
            f"job {job.entrypoint}", "consumer", {"job.name": job.entrypoint, "xinxin.request_id": request_id}, parent=parent
        ):
            await _leased(queries, context, work, job)
        outcome = "done"
    finally:
        seconds = time.perf_counter() - started
        JOB_SECONDS.labels(job.entrypoint, outcome).observe(seconds)
        log.info("job.ran", job=job.entrypoint, outcome=outcome, ms=round(seconds * 1000, 1), **named)


async def _leased(queries: LeasedQueries, context: Context, work: Work, job: Job) -> None:
    """One run under its lease. Only the kind of a failure is told: its text may hold personal data."""
    lease = queries.leases[int(job.id)]
    try:
        if lease.crashes >= MOST_CRASHES:
            raise KillsWorkers
        await work(replace(context, database=leases.under(context.database, lease)), job)
    except LeaseLost:
        log.warning("job.lease_lost", job=job.entrypoint, id=lease.job, lease=lease.number)
    except KillsWorkers:
        log.error("job.dead", job=job.entrypoint, id=lease.job, error=KillsWorkers.__name__, crashes=lease.crashes)
        raise
    except Exception as error:
        raise _after(error, lease, job) from None
    if job.attempts or "due" in (job.headers or ()):
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # the work is done whatever becomes of this
            await queries.wake(job.entrypoint)


def _after(error: Exception, lease: Lease, job: Job) -> Exception:
    """What is raised in place of a failure: the wish to come again, or, for a dead letter, the failure itself."""
    log.warning("job.failed", job=job.entrypoint, attempt=job.attempts + 1, error=type(error).__name__, exc_info=error)
    rest = workflow.rest(error, tries=job.attempts, draw=random.random())
    if rest is None:
        log.error("job.dead", job=job.entrypoint, id=lease.job, error=type(error).__name__)
        return error
    lease.counted = rest.counted
    return RetryRequested(delay=rest.pause, reason=type(error).__name__)


async def _handled(handler: Handler, context: Context, job: Job) -> None:
    await handler(context, json.loads(job.payload or b"{}"))


async def _periodical(periodic: Periodic, context: Context, job: Job) -> None:
    """Its last failure is told, and the next one is left to the clock: there are no dead letters of what comes by itself."""
    try:
        await periodic(context)
    except LeaseLost:
        raise
    except Exception as error:
        if workflow.rest(error, tries=job.attempts, draw=0) is not None and job.attempts + 1 < workflow.TRIES:
            raise
        log.error("periodic.failed", job=job.entrypoint, error=type(error).__name__, exc_info=error)


async def _fall_due(queries: LeasedQueries, schedule: Schedule) -> None:
    """A tick of the clock is one job: taken by one worker, under a lease; none is added while the last one waits or runs."""
    name = str(schedule.entrypoint)
    await queries.enqueue(name, b"{}", Priority.CLOCK, dedupe_key=f"every:{name}", on_conflict="skip")
