"""What WeChat has pushed, for the jobs that take it; and which calls have no quota left today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.security import sealing
from app.wechat.models import WeChatPushEvent, WeChatQuotaStop


@dataclass(frozen=True, slots=True)
class PushedEvent:
    """`payload` is WeChat's own object without the openid. From XML every value in it is a text: convert what should be a number."""

    name: str
    payload: dict[str, Any] = field(repr=False)
    openid: str | None = field(repr=False)


async def pushed_event(session: AsyncSession, *, event_id: UUID) -> PushedEvent | None:
    """The event of a job `wechat.push.<Event>`; None when it was deleted. An openid whose key is gone is None. To act: `push.claim`."""
    chosen: Any = sa.select(WeChatPushEvent).where(col(WeChatPushEvent.id) == event_id)
    event: WeChatPushEvent | None = (await session.exec(chosen)).scalars().one_or_none()
    if event is None:
        return None
    return PushedEvent(event.name, event.payload, _opened(session, event_id, event.openid_sealed))


async def openids(session: AsyncSession, *, after: UUID | None, limit: int) -> list[tuple[UUID, str | None]]:
    """Whom the kept events are about, in the order of their ids; those about nobody are left out."""
    kept = sa.select(col(WeChatPushEvent.id), col(WeChatPushEvent.openid_sealed)).where(col(WeChatPushEvent.openid_sealed).is_not(None))
    if after is not None:
        kept = kept.where(col(WeChatPushEvent.id) > after)
    found = await session.exec(kept.order_by(col(WeChatPushEvent.id)).limit(limit))
    return [(event_id, _opened(session, event_id, sealed)) for event_id, sealed in found.all()]


def _opened(session: AsyncSession, row: UUID, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    try:
        return sealing.unseal(session, sealed, table="wechat_push_event", column="openid_sealed", row=row)
    except sealing.Unsealable:
        return None


async def stopped_calls(session: AsyncSession) -> list[str]:
    """The paths that rest until midnight in Beijing."""
    running = col(WeChatQuotaStop.until) > sa.func.clock_timestamp()
    return list((await session.exec(sa.select(col(WeChatQuotaStop.path)).where(running).order_by(col(WeChatQuotaStop.path)))).scalars())


async def measured(session: AsyncSession) -> Mapping[str, float]:
    """Not zero is an alarm: somebody waits until midnight."""
    return {"xinxin_wechat_quota_stops": len(await stopped_calls(session))}
