"""Every SELECT of a copy that is about to be sent."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.messages.models import Message, MessageGrant, MessageMoment, MessageTemplate

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


async def lock(session: AsyncSession, *, message_id: UUID) -> tuple[Message, bool, MessageTemplate | None] | None:
    """The message; whether somebody is taken to be sending it, by the database's clock; and the template that is in use for it."""
    found = await session.exec(_lock_statement(), params={"message": message_id})
    row = found.first()
    return None if row is None else (row[0], bool(row[1]), row[2])


async def standing(session: AsyncSession, message: Message, *, template_id: str) -> Standing:
    """One statement. Two copies to one person see each other because the caller holds the person's lane."""
    values = {
        "message": message.id, "member": message.member_id, "code": message.moment or message.category.value,
        "category": message.category, "reference": message.reference_id, "template": template_id,
    }
    row = (await session.exec(_standing_statement(), params=values)).one()
    return Standing(
        row.busy, row.superseded, row.permitted or 0, row.usefulness or USEFULNESS, bool(row.urgent), bool(row.bulk),
        tuple(row.levels or ()),
    )


# Built once: for thousands of copies in a row, building these takes the worker longer than anything else.
@cache
def _lock_statement() -> Any:
    template = sa.and_(col(MessageTemplate.category) == col(Message.category), col(MessageTemplate.active))
    return (
        sa.select(Message, sa.func.coalesce(col(Message.copy_until) > CLOCK, sa.false()), MessageTemplate)
        .outerjoin(MessageTemplate, template)
        .where(col(Message.id) == sa.bindparam("message", type_=sa.Uuid))
        .with_for_update(of=Message)
        .execution_options(populate_existing=True)
    )


@cache
def _standing_statement() -> Any:
    other = aliased(Message)
    member, code = sa.bindparam("member", type_=sa.Uuid), sa.bindparam("code", type_=sa.Text)
    category = sa.bindparam("category", type_=type_of(Message.category))
    theirs = sa.and_(col(other.member_id) == member, col(other.id) != sa.bindparam("message", type_=sa.Uuid))
    busy = sa.exists().where(theirs, col(other.push) == sa.literal_column("'sending'"), col(other.copy_until) > CLOCK)
    newer = sa.exists().where(
        theirs, _usefulness(sa.func.coalesce(col(other.moment), sa.cast(col(other.category), sa.Text))) >= _usefulness(code),
        col(other.id) > sa.bindparam("message", type_=sa.Uuid), col(other.reference_id) == sa.bindparam("reference", type_=sa.Uuid),
        col(other.push).is_(None), col(other.copy_asked_at).is_not(None), col(other.read_at).is_(None), col(other.category) == category,
    )
    count = sa.select(col(MessageGrant.count)).where(
        col(MessageGrant.member_id) == member, col(MessageGrant.template_id) == sa.bindparam("template", type_=sa.Text)
    )
    levels = sa.select(sa.func.array_agg(col(MessageMoment.usefulness).distinct())).where(col(MessageMoment.category) == category)
    mine = sa.select(MessageMoment).where(col(MessageMoment.code) == code).subquery()
    one = sa.select(sa.literal(1).label("one")).subquery()
    return sa.select(
        busy.label("busy"), newer.label("superseded"), count.scalar_subquery().label("permitted"), mine.c.usefulness,
        mine.c.urgent, mine.c.bulk, levels.scalar_subquery().label("levels"),
    ).select_from(one.outerjoin(mine, sa.true()))


def type_of(column: Any) -> Any:
    """For a value that is bound later: how the column stores it."""
    return column.type


def _usefulness(code: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    found = sa.select(col(MessageMoment.usefulness)).where(col(MessageMoment.code) == code).scalar_subquery()
    return sa.func.coalesce(found, USEFULNESS)
