"""Telling people of announcements, batch by batch, each in a transaction of its own."""

from typing import Any
from uuid import UUID

from app.announcements import queries, service
from app.jobs.registry import Context, every, handles


@handles("announcement.deliver")
async def deliver(context: Context, payload: dict[str, Any]) -> None:
    """Run again it passes over those who were told. What is withdrawn meanwhile stops after the batch at hand."""
    announcement_id = UUID(payload["announcement_id"])
    last: UUID | None = None
    while True:
        async with context.database.transaction() as session:
            last = await service.tell(session, announcement_id=announcement_id, after=last)
        if last is None:
            break
    async with context.database.transaction() as session:
        await service.finish(session, announcement_id=announcement_id)


@every("* * * * *", "announcements.due")
async def due(context: Context) -> None:
    """What was scheduled and is due, and what a dead job left half told."""
    async with context.database.transaction() as session:
        for announcement_id in await queries.due(session):
            await service.enqueue(session, announcement_id)


@every("45 19 * * *", "announcements.sweep")
async def sweep(context: Context) -> None:
    """Nightly in China: who was told and who has read is forgotten half a year after the publication."""
    async with context.database.transaction() as session:
        past = await queries.outlived(session)
    for announcement_id in past:
        async with context.database.transaction() as session:
            await service.drop_receipts(session, announcement_id=announcement_id)
