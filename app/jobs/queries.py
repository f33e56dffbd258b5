"""Looking at the queue."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.jobs.queue import SCHEMA


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    name: str
    status: str
    attempts: int
    payload: dict[str, Any]
    created_at: datetime


async def listed(session: AsyncSession, *, status: str, limit: int = 100) -> Sequence[Job]:
    """Jobs in a state (`queued`, `picked`, `failed` = dead letters), oldest first."""
    connection = await session.connection()
    found = await connection.execute(
        sa.text(
            f"select id, entrypoint, status::text, attempts, payload, created from {SCHEMA}.pgqueuer"
            " where status::text = :status order by id limit :limit"
        ),
        {"status": status, "limit": limit},
    )
    return [Job(row[0], row[1], row[2], row[3], json.loads(row[4] or b"{}"), row[5]) for row in found]


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many jobs are in each state."""
    connection = await session.connection()
    found = await connection.execute(sa.text(f"select status::text, count(*) from {SCHEMA}.pgqueuer group by 1"))
    return {str(row[0]): int(row[1]) for row in found}
