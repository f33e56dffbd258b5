"""Matching rosters, and sweeping them."""

from typing import Any
from uuid import UUID

from app.jobs.registry import Context, every, handles
from app.rosters import service


@handles("rosters.match")
async def match(context: Context, payload: dict[str, Any]) -> None:
    async with context.database.transaction() as session:
        await service.match(session, roster_id=UUID(payload["roster_id"]))


@every("17 18 * * *", "rosters.sweep")
async def sweep(context: Context) -> None:
    async with context.database.transaction() as session:
        await service.sweep(session)
