"""What the job workers of S13 do and how they are made as they are in production, or worse; loaded in their processes too."""

import asyncio
from typing import Any

import sqlalchemy as sa

from app.jobs.registry import Context
from app.jobs.runner import Pace
from tests.faults import queue_workers


def as_in_production() -> None:
    """Leases of twenty seconds, and all the rest of the pace."""
    queue_workers.PACE = Pace()


def without_a_fence() -> None:
    """The known-bad variant: who lost a job in its sleep may still commit."""
    as_in_production()
    queue_workers.without_fence()


async def late(context: Context, payload: dict[str, Any]) -> None:
    """Looks at nothing, and comes to its one write some time after it was given the job."""
    await asyncio.sleep(2)
    async with context.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(sa.text("insert into faults.effect (item) values (:item)"), payload)
