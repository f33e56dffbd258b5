"""The erasure of cancelled accounts: looked for by the clock, done person by person."""

from typing import Any
from uuid import UUID

from app.auth import queries as auth_queries
from app.jobs import service as jobs_service
from app.jobs.registry import Context, every, handles
from app.me import service


@every("50 15 * * *", "me.erase_due")
async def erase_due(context: Context) -> None:
    """Late in the evening of Shanghai, so that the last day can still be used to restore the account."""
    async with context.database.transaction() as session:
        for member_id in await auth_queries.to_erase(session):
            await jobs_service.enqueue(session, "me.erase", {"member_id": str(member_id)}, key=f"me.erase:{member_id}")


@handles("me.erase")
async def erase(context: Context, payload: dict[str, Any]) -> None:
    async with context.database.transaction() as session:
        await service.erase(session, member_id=UUID(payload["member_id"]))
