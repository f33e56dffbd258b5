"""Every SELECT of the inbox."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.errors import NotFound
from app.messages.models import Category, Message, MessageGrant, MessageMoment, MessageTemplate


async def inbox(
    session: AsyncSession, *, member_id: UUID, unread: bool | None, category: Category | None = None, limit: int, after: UUID | None
) -> Sequence[Message]:
    """One's own messages, newest first, one more than `limit`; `unread` and `category` None: all of them."""
    statement = sa.select(Message).where(col(Message.member_id) == member_id)
    if category is not None:
        statement = statement.where(col(Message.category) == category)
    if unread is not None:
        statement = statement.where(col(Message.read_at).is_(None) if unread else col(Message.read_at).is_not(None))
    if after is not None:
        statement = statement.where(col(Message.id) < after)
    found = await session.exec(statement.order_by(col(Message.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def unread_counts(session: AsyncSession, *, member_id: UUID) -> dict[Category, int]:
    """By category, those with none included."""
    found = await session.exec(
        sa.select(col(Message.category), sa.func.count())
        .where(col(Message.member_id) == member_id, col(Message.read_at).is_(None))
        .group_by(col(Message.category))
    )
    return dict.fromkeys(Category, 0) | {category: int(count) for category, count in found.all()}


async def templates(session: AsyncSession, *, retired: bool = False) -> Sequence[MessageTemplate]:
    """The subscription templates in use; with `retired` those too that have been."""
    chosen = sa.select(MessageTemplate).order_by(col(MessageTemplate.template_id))
    found = await session.exec(chosen if retired else chosen.where(col(MessageTemplate.active)))
    return found.scalars().all()


async def template(session: AsyncSession, template_id: str) -> MessageTemplate:
    """In use or not. Raises NotFound."""
    found = await session.exec(sa.select(MessageTemplate).where(col(MessageTemplate.template_id) == template_id))
    row: MessageTemplate | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def moments(session: AsyncSession, *, category: Category) -> Sequence[MessageMoment]:
    """The kinds of event of a category."""
    found = await session.exec(
        sa.select(MessageMoment).where(col(MessageMoment.category) == category).order_by(col(MessageMoment.code))
    )
    return found.scalars().all()


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
