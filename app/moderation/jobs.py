"""What puts texts and photos before people, and who hears that they wait."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.jobs.registry import Context, every, handles
from app.moderation import queries, service

COLLECTED = 1_000
PATIENCE = sa.text("set local statement_timeout = '60s'")  # all photos and reports are read once a night


@handles("moderation.wanted")
async def wanted(context: Context, payload: dict[str, Any]) -> None:
    """A photo (`upload_id`) or the text of a report (`report_id`) was judged, rewritten or taken away."""
    async with context.database.transaction() as session:
        if "upload_id" in payload:
            await service.look_at_photo(session, upload_id=UUID(payload["upload_id"]))
        else:
            await service.look_at_text(session, report_id=UUID(payload["report_id"]))


@handles("moderation.moved")
async def moved(context: Context, payload: dict[str, Any]) -> None:
    async with context.database.transaction() as session:
        await service.follow(session, report_id=UUID(payload["report_id"]))


@every("7 1 * * *", "moderation.remind")
async def remind(context: Context) -> None:
    """Seven past nine in Shanghai."""
    async with context.database.transaction() as session:
        await service.remind(session)


@every("50 18 * * *", "moderation.collect")
async def collect(context: Context) -> None:
    """Ten to three in Shanghai: what was judged before there was a queue, and what a dead letter has left out."""
    async with context.database.transaction() as session:
        await session.exec(PATIENCE)
        photos, reports = await queries.unlisted(session, limit=COLLECTED)
    for upload_id in photos:
        async with context.database.transaction() as session:
            await service.look_at_photo(session, upload_id=upload_id)
    for report_id in reports:
        async with context.database.transaction() as session:
            await service.look_at_text(session, report_id=report_id)
