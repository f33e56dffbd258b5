"""Reading work relations. Told without a first day, one counts from the local day on which the person told it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import NotFound
from app.members.models import Employment
from app.schemas import named

TOLD_ON: sa.ColumnElement[date] = sa.cast(sa.func.timezone("Asia/Shanghai", col(Employment.created_at)), sa.Date)
BEGUN: sa.ColumnElement[date] = sa.func.coalesce(col(Employment.since), TOLD_ON)


async def employments(session: AsyncSession, *, member_id: UUID) -> Sequence[Employment]:
    """The work relations that go on, oldest first."""
    found = await session.exec(
        sa.select(Employment).where(col(Employment.member_id) == member_id, col(Employment.until).is_(None)).order_by(col(Employment.id))
    )
    return found.scalars().all()


async def work_relations(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Employment]:
    """All of them, also those that have ended, newest first, one more than `limit`."""
    statement = sa.select(Employment).where(col(Employment.member_id) == member_id)
    if after is not None:
        statement = statement.where(col(Employment.id) < after)
    found = await session.exec(statement.order_by(col(Employment.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def access_own_work(session: AsyncSession, *, member_id: UUID, relation_id: UUID) -> Employment:
    """Locks one of the member's own work relations. Raises NotFound for anybody else's."""
    found = await session.exec(
        sa.select(Employment)
        .where(col(Employment.id) == relation_id, col(Employment.member_id) == member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    relation: Employment | None = found.scalars().first()
    if relation is None:
        raise NotFound
    return relation


async def work_out(session: AsyncSession, rows: Sequence[Employment]) -> list[dict[str, Any]]:
    """Work relations as their person reads them."""
    enterprises = await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows if row.enterprise_id})
    return [
        {
            "id": row.id, "enterprise": named(enterprises.get(row.enterprise_id)) if row.enterprise_id else None, "name": row.name,
            "since": row.since, "until": row.until, "source": "self", "allowed": ["end"] if row.until is None else [],
        }
        for row in rows
    ]


async def employed_by(session: AsyncSession, *, enterprise_id: UUID, on: date | None = None) -> list[UUID]:
    """The members who work for an enterprise on a local day, today unless one is given; by id."""
    day = on or clock.today()
    return await employed_during(session, enterprise_id=enterprise_id, first=day, last=day)


async def employed_during(session: AsyncSession, *, enterprise_id: UUID, first: date, last: date) -> list[UUID]:
    """The members who worked for an enterprise on at least one of the local days from `first` to `last`, both included; by id."""
    found = await session.exec(
        sa.select(col(Employment.member_id))
        .where(
            col(Employment.enterprise_id) == enterprise_id, last >= BEGUN,
            sa.or_(col(Employment.until).is_(None), col(Employment.until) >= first),
        )
        .distinct()
        .order_by(col(Employment.member_id))
    )
    return list(found.scalars().all())
