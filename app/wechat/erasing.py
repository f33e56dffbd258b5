"""What a person's erasure takes from what WeChat has pushed."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.wechat import queries
from app.wechat.models import WeChatPushEvent

BATCH = 1_000


async def forget(session: AsyncSession, *, openid: str) -> None:
    """Deletes every event about a person. Their openids are sealed, so all events that are still kept are opened once."""
    after: UUID | None = None
    while True:
        page = await queries.openids(session, after=after, limit=BATCH)
        theirs = [event_id for event_id, found in page if found == openid]
        await session.exec(sa.delete(WeChatPushEvent).where(col(WeChatPushEvent.id).in_(theirs)))
        if len(page) < BATCH:
            return
        after = page[-1][0]
