"""Matching rosters, and sweeping them."""

from typing import Any
from uuid import UUID

from app.jobs.registry import Context, every, handles
from app.registrations import rosters


@handles("registrations.match_roster")
async def match_roster(context: Context, payload: dict[str, Any]) -> None:
    async with context.database.transaction() as session:
        await rosters.match(session, roster_id=UUID(payload["roster_id"]))


@every("17 18 * * *", "registrations.sweep_rosters")
async def sweep_rosters(context: Context) -> None:
    async with context.database.transaction() as session:
        await rosters.sweep(session)
