"""Every SELECT of the inbox."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.messages.models import Category, Message, MessageGrant, MessageTemplate


async def inbox(session: AsyncSession, *, member_id: UUID, unread: bool | None, limit: int, after: UUID | None) -> Sequence[Message]:
    """One's own messages, newest first, one more than `limit`; `unread` None: all of them."""
    statement = sa.select(Message).where(col(Message.member_id) == member_id)
    if unread is not None:
        statement = statement.where(col(Message.read_at).is_(None) if unread else col(Message.read_at).is_not(None))
    if after is not None:
        statement = statement.where(col(Message.id) < after)
    found = await session.exec(statement.order_by(col(Message.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def unread_count(session: AsyncSession, *, member_id: UUID) -> int:
    found = await session.exec(
        sa.select(sa.func.count()).select_from(Message).where(col(Message.member_id) == member_id, col(Message.read_at).is_(None))
    )
    return int(found.scalar_one())


async def templates(session: AsyncSession) -> Sequence[MessageTemplate]:
    """The subscription templates in use."""
    found = await session.exec(sa.select(MessageTemplate).where(col(MessageTemplate.active)).order_by(col(MessageTemplate.template_id)))
    return found.scalars().all()


async def template_for(session: AsyncSession, *, category: Category) -> MessageTemplate | None:
    found = await session.exec(
        sa.select(MessageTemplate).where(col(MessageTemplate.category) == category, col(MessageTemplate.active))
    )
    template: MessageTemplate | None = found.scalars().first()
    return template


async def lock(session: AsyncSession, *, message_id: UUID) -> Message | None:
    found = await session.exec(
        sa.select(Message).where(col(Message.id) == message_id).with_for_update().execution_options(populate_existing=True)
    )
    message: Message | None = found.scalars().first()
    return message


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What the inbox holds about a person, for the copy of one's data."""
    messages = await session.exec(sa.select(Message).where(col(Message.member_id) == member_id).order_by(col(Message.id)))
    grants = await session.exec(
        sa.select(col(MessageGrant.template_id), col(MessageGrant.count)).where(col(MessageGrant.member_id) == member_id)
    )
    return {
        "messages": [
            {
                "category": message.category.value, "title": message.title, "body": message.body, "path": message.path,
                "reference": message.reference_number, "at": message.created_at.isoformat(),
                "read_at": message.read_at.isoformat() if message.read_at else None,
            }
            for message in messages.scalars().all()
        ],
        "subscriptions": {str(template_id): int(count) for template_id, count in grants.all()},
    }
