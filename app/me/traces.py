"""What names a person outside of the features: WeChat's pushed events, counters. Forgotten first, while the openid is still known."""

from uuid import UUID

from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.security import throttles
from app.wechat import erasing as wechat_erasing


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes the pushed events about a person and the counters of what they did."""
    openid = await auth_queries.openid_of(session, account_id=member_id)
    if openid is not None:
        await wechat_erasing.forget(session, openid=openid)
    await throttles.forget(session, str(member_id))
