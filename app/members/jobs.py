"""Consents that a new text has made void: taken from their accounts chunk by chunk, so that nobody waits for all of them."""

from typing import Any

from app.auth import queries as auth_queries
from app.jobs.registry import Context, handles
from app.members import service
from app.members.models import Purpose

CHUNK = 200


@handles("members.lapse")
async def lapse(context: Context, payload: dict[str, Any]) -> None:
    """Run again it goes on where it stopped: who has lost the purpose is not found any more."""
    purpose = Purpose(payload["purpose"])
    async with context.database.transaction() as session:
        waiting = await auth_queries.consenting(session, purpose=purpose)
    for at in range(0, len(waiting), CHUNK):
        async with context.database.transaction() as session:
            await service.lapse(session, purpose=purpose, members=waiting[at : at + CHUNK])
