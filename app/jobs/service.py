"""Putting jobs into the queue, and what an operator does with those that failed for good."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.jobs.queue import SCHEMA, SessionDriver, queries_over

LOG_KEPT_DAYS = 14


async def enqueue(
    session: AsyncSession, name: str, payload: dict[str, Any], *, key: str | None = None, delay: timedelta | None = None
) -> None:
    """Adds a job to the caller's transaction: it runs after the commit, at least once, `delay` later if given.

    `payload` holds ids, never personal data. While a job with the same `key` waits or runs, no second one is added.
    """
    await session.flush()
    await queries_over(SessionDriver(session)).enqueue(
        name, _packed(payload), execute_after=delay, dedupe_key=key, on_conflict="skip"
    )


async def drop(session: AsyncSession, jobs: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Takes back jobs, by name and payload, that nobody has begun: what they were to do is done."""
    connection = await session.connection()
    await connection.execute(
        sa.text(
            f"delete from {SCHEMA}.pgqueuer where status = 'queued' and (entrypoint, payload) in"
            " (select * from unnest(cast(:names as text[]), cast(:payloads as bytea[])))"
        ),
        {"names": [name for name, _ in jobs], "payloads": [_packed(payload) for _, payload in jobs]},
    )


def _packed(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


async def retry_dead(session: AsyncSession, *, name: str | None = None) -> int:
    """Puts dead letters (all, or those of one job name) back into the queue with fresh attempts; returns how many."""
    connection = await session.connection()
    done = await connection.execute(
        sa.text(
            f"update {SCHEMA}.pgqueuer set status = 'queued', attempts = 0, execute_after = now(), updated = now()"
            " where status = 'failed' and (cast(:name as text) is null or entrypoint = :name)"
        ),
        {"name": name},
    )
    return done.rowcount


async def sweep(session: AsyncSession) -> None:
    """Deletes the queue's log after two weeks; it takes three rows a job."""
    connection = await session.connection()
    await connection.execute(sa.text(f"delete from {SCHEMA}.pgqueuer_log where created < now() - interval '{LOG_KEPT_DAYS} days'"))
