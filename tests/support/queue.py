"""What has been put into the job queue."""

import json
from typing import Any

import sqlalchemy as sa

from app.db.session import AsyncSession


async def queued(session: AsyncSession) -> list[tuple[str, dict[str, Any]]]:
    """Names and payloads of the jobs that wait, oldest first."""
    connection = await session.connection()
    rows = await connection.execute(sa.text("select entrypoint, payload from jobs.pgqueuer where status = 'queued' order by id"))
    return [(name, json.loads(payload)) for name, payload in rows]
