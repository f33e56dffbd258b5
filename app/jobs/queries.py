"""Looking at the queue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.jobs.tables import LOG, QUEUE
from app.jobs.workflow import Priority

COLUMNS = "id, entrypoint, status::text, priority, attempts, crashes, payload, created, execute_after"
LISTED = sa.text(
    f"select {COLUMNS} from {QUEUE} where status::text = :status and (cast(:name as text) is null or entrypoint = :name)"
    " order by id limit :limit"
)
ONE = sa.text(f"select {COLUMNS} from {QUEUE} where id = :id")
HISTORY = sa.text(
    f"select created, status::text, traceback->>'reason' from {LOG} where job_id = :id order by created, id limit :limit"
)
# How late what is due is taken, by priority; what waits for its time is no delay of ours.
FIGURES = sa.text(
    f"""
    select status::text, priority, count(*), count(*) filter (where execute_after <= now()), count(*) filter (where attempts > 0),
        coalesce(extract(epoch from now() - min(execute_after) filter (where execute_after <= now())), 0)
    from {QUEUE} group by 1, 2
    """
)


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    name: str
    status: str
    priority: int
    attempts: int
    crashes: int
    payload: dict[str, Any]
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """What happened to a job. `reason`: the name of the failure."""

    at: datetime
    status: str
    reason: str | None


async def listed(session: AsyncSession, *, status: str, name: str | None = None, limit: int = 100) -> Sequence[Job]:
    """Jobs in a state (`queued`, `picked`, `failed` = dead letters), oldest first."""
    connection = await session.connection()
    return [_job(row) for row in await connection.execute(LISTED, {"status": status, "name": name, "limit": limit})]


async def one(session: AsyncSession, *, job_id: int) -> Job | None:
    connection = await session.connection()
    row = (await connection.execute(ONE, {"id": job_id})).first()
    return None if row is None else _job(row)


async def history(session: AsyncSession, *, job_id: int, limit: int = 100) -> Sequence[Passed]:
    """When it was put in, and each time that it did not succeed."""
    connection = await session.connection()
    return [Passed(*row) for row in await connection.execute(HISTORY, {"id": job_id, "limit": limit})]


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many jobs are in each state."""
    connection = await session.connection()
    found = await connection.execute(sa.text(f"select status::text, count(*) from {QUEUE} group by 1"))
    return {str(row[0]): int(row[1]) for row in found}


async def measured(session: AsyncSession) -> Mapping[str, float]:
    """For alarms: how long the oldest due job of each priority has waited, what waits, runs, is tried again, and is dead."""
    connection = await session.connection()
    kinds = ("oldest_due_seconds", "queued")
    figures = {f"xinxin_jobs_{kind}{_named(one)}": 0.0 for kind in kinds for one in Priority}
    figures |= {f"xinxin_jobs_{name}": 0.0 for name in ("due", "waiting", "retrying", "running", "dead")}
    for status, priority, jobs, due, retried, oldest in await connection.execute(FIGURES):
        if status == "queued":
            name = f"xinxin_jobs_oldest_due_seconds{_named(priority)}"
            figures[name] = max(figures[name], round(float(oldest), 3))
            figures[f"xinxin_jobs_queued{_named(priority)}"] += jobs
            figures["xinxin_jobs_due"] += due
            figures["xinxin_jobs_waiting"] += jobs
            figures["xinxin_jobs_retrying"] += retried
        elif status in STATES:
            figures[STATES[status]] += jobs
    return figures


STATES = {"picked": "xinxin_jobs_running", "failed": "xinxin_jobs_dead"}


def _named(priority: int) -> str:
    """As a label the nearest priority of ours that is not above it: another release may know more of them."""
    known = max((one for one in Priority if one <= priority), default=min(Priority))
    return f'{{priority="{known.name.lower()}"}}'


def _job(row: Any) -> Job:
    return Job(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6] or b"{}"), row[7], row[8])
