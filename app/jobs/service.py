"""Putting jobs into the queue, and what an operator does with those that failed for good."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import tracing
from app.db import prepared
from app.db.session import AsyncSession
from app.jobs.tables import LOG, QUEUE
from app.jobs.workflow import Priority

ENQUEUE = f"""
    with added as (
        insert into {QUEUE} (priority, entrypoint, payload, execute_after, dedupe_key, headers, status)
        select priority, name, payload, now() + delay, key, headers, 'queued'
        from unnest($1::int[], $2::text[], $3::bytea[], $4::interval[], $5::text[], $6::jsonb[])
            with ordinality as job(priority, name, payload, delay, key, headers, turn)
        order by turn
        on conflict (dedupe_key) where status in ('queued', 'picked') and dedupe_key is not null do nothing
        returning id, entrypoint, priority
    )
    insert into {LOG} (job_id, status, entrypoint, priority) select id, 'queued', entrypoint, priority from added
"""
NOW, LOG_KEPT_DAYS = timedelta(), 14
SCOUT_SECONDS = 30

CHOSEN = "(cast(:name as text) is null or entrypoint = :name) and (cast(:ids as bigint[]) is null or id = any(cast(:ids as bigint[])))"
RETRY = sa.text(f"""
    with dead as (
        select id, dedupe_key, row_number() over (partition by coalesce(dedupe_key, id::text) order by id) as place
        from {QUEUE} where status = 'failed' and {CHOSEN}
    )
    update {QUEUE} as job
    set status = 'queued', attempts = 0, crashes = 0, execute_after = now(), updated = now(), queue_manager_id = null
    from dead where job.id = dead.id and dead.place = 1 and not exists (
        select 1 from {QUEUE} as other where other.dedupe_key = dead.dedupe_key and other.status in ('queued', 'picked')
    )
    returning job.id
""")
DROP = sa.text(f"delete from {QUEUE} where status = 'failed' and {CHOSEN} returning id")

# `headers` remembers when it would have come by itself: after a failure it comes then, and the try was not one of its tries. So what never
# succeeds is given up when it would have been.
SCOUT = sa.text(f"""
    update {QUEUE}
    set headers = case jsonb_typeof(headers) when 'object' then headers else '{{}}' end || jsonb_build_object('due', execute_after),
        execute_after = now(), updated = now(), attempts = attempts - 1
    where id in (
        select distinct on (entrypoint) id from {QUEUE}
        where status = 'queued' and attempts > 0 and execute_after > now() + interval '{SCOUT_SECONDS} seconds'
        order by entrypoint, updated, id
    ) and status = 'queued'
""")


async def enqueue(
    session: AsyncSession, name: str, payload: dict[str, Any], *, key: str | None = None, delay: timedelta | None = None,
    priority: Priority = Priority.NORMAL,
) -> None:
    """Adds a job to the caller's transaction: it runs after the commit, at least once, `delay` later if given.

    `payload` holds ids, never personal data. While a job with the same `key` waits or runs, no second one is added. The request that caused
    it goes along, so that the log, the trail and the trace of the job name it.
    """
    await session.flush()
    headers = json.dumps(_cause(session), separators=(",", ":"))
    await prepared.spoken(session, ENQUEUE, [int(priority)], [name], [_packed(payload)], [delay or NOW], [key], [headers])


async def enqueue_all(session: AsyncSession, jobs: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """The same for several at once, by name and payload, in one statement."""
    if not jobs:
        return
    await session.flush()
    count, headers = len(jobs), json.dumps(_cause(session), separators=(",", ":"))
    names, payloads = [name for name, _ in jobs], [_packed(payload) for _, payload in jobs]
    await prepared.spoken(
        session, ENQUEUE, [int(Priority.NORMAL)] * count, names, payloads, [NOW] * count, [None] * count, [headers] * count
    )


async def drop(session: AsyncSession, jobs: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Takes back jobs, by name and payload, that nobody has begun: what they were to do is done."""
    connection = await session.connection()
    await connection.execute(
        sa.text(
            f"delete from {QUEUE} where status = 'queued' and (entrypoint, payload) in"
            " (select * from unnest(cast(:names as text[]), cast(:payloads as bytea[])))"
        ),
        {"names": [name for name, _ in jobs], "payloads": [_packed(payload) for _, payload in jobs]},
    )


def _cause(session: AsyncSession) -> dict[str, str] | None:
    known = {"request_id": tracing.kept_id(session.info.get("request_id")), "traceparent": tracing.traceparent()}
    return {name: told for name, told in known.items() if told} or None


def _packed(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


async def retry_dead(session: AsyncSession, *, name: str | None = None, ids: Sequence[int] | None = None) -> list[int]:
    """Puts dead letters (all, those of one name, or these) back into the queue with fresh tries; returns which.

    Of several under one key the oldest goes, and none while another job with that key waits or runs.
    """
    return await _ids(session, RETRY, name, ids)


async def drop_dead(session: AsyncSession, *, name: str | None = None, ids: Sequence[int] | None = None) -> list[int]:
    """Deletes dead letters (all, those of one name, or these): what they were to do will not be done. Returns which."""
    return await _ids(session, DROP, name, ids)


async def _ids(session: AsyncSession, statement: sa.TextClause, name: str | None, ids: Sequence[int] | None) -> list[int]:
    connection = await session.connection()
    done = await connection.execute(statement, {"name": name, "ids": None if ids is None else list(ids)})
    return sorted(int(row[0]) for row in done)


async def scout(session: AsyncSession) -> None:
    """Of each kind of job that failed and rests for longer, one is tried now. If it succeeds, the worker wakes the others."""
    connection = await session.connection()
    await connection.execute(SCOUT)


async def sweep(session: AsyncSession) -> None:
    """Deletes the queue's log after two weeks."""
    connection = await session.connection()
    await connection.execute(sa.text(f"delete from {LOG} where created < now() - interval '{LOG_KEPT_DAYS} days'"))
