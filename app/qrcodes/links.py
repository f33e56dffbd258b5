"""The web addresses with which WeChat opens the mini program: asked for by one of all processes at a time, and kept for the others.

WeChat is never asked inside a transaction, and nobody hears that it did not answer: then there is no link.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession, Database
from app.errors import WeChatUnavailable
from app.observability import get_logger
from app.qrcodes import queries
from app.qrcodes.models import QrCode, QrCodeLink
from app.wechat.client import LINK_DAYS, WeChatClient

log = get_logger(__name__)

FIRST_PAGE = ""  # it reads `scene` as it does from a scanned code
ASK_EVERY = timedelta(minutes=1)  # for each code, over all processes, whatever came of it
MARGIN = timedelta(hours=1)  # nobody is handed a link that ends while they put on their shoes
PATIENCE_SECONDS = 3.0  # somebody looks at an empty page meanwhile


@dataclass(frozen=True, slots=True)
class Link:
    """`until` is when WeChat ends it."""

    url: str
    until: datetime


async def asked(wechat: WeChatClient, *, scene: str, expires_at: datetime | None) -> Link | None:
    """A new link, which ends with its code or after thirty days. None when WeChat is away, has no quota left or refuses."""
    begun = clock.now()
    days = LINK_DAYS if expires_at is None else max(1, min(LINK_DAYS, ceil((expires_at - begun) / timedelta(days=1))))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            url = await wechat.url_link(FIRST_PAGE, f"scene={scene}", days=days)
    except (WeChatUnavailable, TimeoutError) as error:
        log.info("qrcode.no_link", error=type(error).__name__)
        return None
    return Link(url, begun + timedelta(days=days))


async def obtain(database: Database, wechat: WeChatClient, code: QrCode) -> Link | None:
    """A link for a code that has none: asked for now, by whoever comes first within a minute; the others go without."""
    async with database.transaction() as session:
        if not await claim(session, code.id):
            return None
    link = await asked(wechat, scene=code.scene, expires_at=code.expires_at)
    if link is not None:
        async with database.transaction() as session:
            await keep(session, qrcode_id=code.id, link=link)
    return link


async def claim(session: AsyncSession, qrcode_id: UUID) -> bool:
    """True for one caller a minute, and only while the code is usable and has no live link. One statement: nobody slips in between."""
    candidate = sa.select(col(QrCode.id)).where(col(QrCode.id) == qrcode_id, queries.usable())
    due = sa.and_(
        col(QrCodeLink.asked_at) <= queries.NOW - ASK_EVERY,
        sa.or_(col(QrCodeLink.url_link).is_(None), sa.not_(_lives())),
    )
    claimed = await session.exec(
        insert(QrCodeLink)
        .from_select(["qrcode_id"], candidate)
        .on_conflict_do_update(index_elements=["qrcode_id"], set_={"asked_at": queries.NOW}, where=due)
        .returning(col(QrCodeLink.qrcode_id))
    )
    return claimed.first() is not None


async def keep(session: AsyncSession, *, qrcode_id: UUID, link: Link) -> None:
    """For everybody who opens the code from now on."""
    values: dict[str, Any] = {"url_link": link.url, "expires_at": link.until}
    await session.exec(
        insert(QrCodeLink)
        .values(qrcode_id=qrcode_id, **values)
        .on_conflict_do_update(index_elements=["qrcode_id"], set_=values)
    )


async def look(session: AsyncSession, qrcode_id: UUID) -> tuple[Link | None, bool]:
    """The live link of a code; and whether to try for one. Only `claim` decides, but who need not try keeps off the row it locks."""
    found = await session.exec(
        sa.select(
            col(QrCodeLink.url_link), col(QrCodeLink.expires_at), _lives().label("lives"),
            (col(QrCodeLink.asked_at) > queries.NOW - ASK_EVERY).label("just_asked"),
        )
        .select_from(QrCode)
        .outerjoin(QrCodeLink, col(QrCodeLink.qrcode_id) == col(QrCode.id))
        .where(col(QrCode.id) == qrcode_id, queries.usable())
    )
    row = found.first()
    if row is None or row.lives:
        return (Link(row.url_link, row.expires_at) if row else None), False
    return None, not row.just_asked


async def live(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Link]:
    """The links that still work for an hour, of those codes that are still usable."""
    found = await session.exec(
        sa.select(col(QrCodeLink.qrcode_id), col(QrCodeLink.url_link), col(QrCodeLink.expires_at))
        .join(QrCode, col(QrCode.id) == col(QrCodeLink.qrcode_id))
        .where(col(QrCodeLink.qrcode_id).in_(set(ids)), _lives(), queries.usable())
    )
    return {row.qrcode_id: Link(row.url_link, row.expires_at) for row in found.all()}


def _lives() -> sa.ColumnElement[bool]:
    return col(QrCodeLink.expires_at) > queries.NOW + MARGIN
