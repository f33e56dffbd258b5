"""Every SELECT of a copy that is about to be sent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.messages.models import Message, MessageGrant, MessageMoment

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
USEFULNESS = 1  # of what has no row: a moment that an administrator's older release does not know


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a copy now. `busy`: another one to the same person is under way; `superseded`: a newer one about the same
    thing, which is no less useful, waits."""

    busy: bool
    superseded: bool
    count: int
    usefulness: int
    urgent: bool
    bulk: bool
    levels: tuple[int, ...]


async def lock(session: AsyncSession, *, message_id: UUID) -> tuple[Message, bool] | None:
    """The message; and whether somebody is taken to be sending it, by the database's clock."""
    found = await session.exec(
        sa.select(Message, sa.func.coalesce(col(Message.copy_until) > CLOCK, sa.false()))
        .where(col(Message.id) == message_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.first()
    return None if row is None else (row[0], bool(row[1]))


async def standing(session: AsyncSession, message: Message, *, template_id: str) -> Standing:
    """One statement. Two copies to one person see each other because the caller holds the person's lane."""
    other = aliased(Message)
    theirs = sa.and_(col(other.member_id) == message.member_id, col(other.id) != message.id)
    busy = sa.exists().where(theirs, col(other.push) == sa.literal_column("'sending'"), col(other.copy_until) > CLOCK)
    code = message.moment or message.category.value
    newer = sa.exists().where(
        theirs, _usefulness(sa.func.coalesce(col(other.moment), sa.cast(col(other.category), sa.Text))) >= _usefulness(sa.literal(code)),
        col(other.id) > message.id, col(other.reference_id) == message.reference_id, col(other.push).is_(None),
        col(other.copy_asked_at).is_not(None), col(other.read_at).is_(None), col(other.category) == message.category,
    )
    count = sa.select(col(MessageGrant.count)).where(
        col(MessageGrant.member_id) == message.member_id, col(MessageGrant.template_id) == template_id
    )
    levels = sa.select(sa.func.array_agg(col(MessageMoment.usefulness).distinct())).where(col(MessageMoment.category) == message.category)
    mine = sa.select(MessageMoment).where(col(MessageMoment.code) == code).subquery()
    one = sa.select(sa.literal(1).label("one")).subquery()
    found = await session.exec(
        sa.select(
            busy.label("busy"), newer.label("superseded"), count.scalar_subquery().label("permitted"), mine.c.usefulness,
            mine.c.urgent, mine.c.bulk, levels.scalar_subquery().label("levels"),
        ).select_from(one.outerjoin(mine, sa.true()))
    )
    row = found.one()
    return Standing(
        row.busy, row.superseded, row.permitted or 0, row.usefulness or USEFULNESS, bool(row.urgent), bool(row.bulk),
        tuple(row.levels or ()),
    )


def _usefulness(code: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    found = sa.select(col(MessageMoment.usefulness)).where(col(MessageMoment.code) == code).scalar_subquery()
    return sa.func.coalesce(found, USEFULNESS)
