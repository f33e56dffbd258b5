"""Reading the rules, and what they would touch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import NotFound
from app.retention.models import RetentionRule
from app.retention.rules import KEEPERS, Keeper

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What a run would touch now."""

    rows: int
    oldest: datetime | None
    examples: list[str]


async def rules(session: AsyncSession) -> list[RetentionRule]:
    """In the order of the list in `rules.py`."""
    found = await session.exec(sa.select(RetentionRule).where(col(RetentionRule.code).in_(KEEPERS)))
    return sorted(found.scalars().all(), key=lambda rule: list(KEEPERS).index(rule.code))


async def get(session: AsyncSession, code: str) -> RetentionRule:
    """Raises NotFound."""
    return await _one(session, sa.select(RetentionRule).where(col(RetentionRule.code) == code))


async def lock(session: AsyncSession, code: str) -> RetentionRule:
    """The same row, locked and fresh. Raises NotFound."""
    return await _one(session, sa.select(RetentionRule).where(col(RetentionRule.code) == code).with_for_update())


async def _one(session: AsyncSession, asked: sa.Select[RetentionRule]) -> RetentionRule:
    found = await session.exec(asked.execution_options(populate_existing=True))
    rule: RetentionRule | None = found.scalars().first()
    if rule is None or rule.code not in KEEPERS:
        raise NotFound
    return rule


async def found(session: AsyncSession, keeper: Keeper, *, days: int) -> Found:
    await acting.as_service(session, Reason.FIGURES)
    due = keeper.due(days).subquery()
    numbers = sa.select(due.c.number).order_by(due.c.since, due.c.id).limit(EXAMPLES).scalar_subquery()
    row = (await session.exec(
        sa.select(sa.func.count(), sa.func.min(due.c.since), sa.func.array(numbers)).select_from(due)
    )).one()
    return Found(*row)


async def take(session: AsyncSession, keeper: Keeper, *, days: int, limit: int) -> Sequence[UUID]:
    """The longest overdue rows, locked; what somebody else holds is left for the next time."""
    due = keeper.due(days)
    batch = due.order_by(sa.text("since"), due.selected_columns.id).limit(limit).with_for_update(skip_locked=True, of=keeper.locks)
    return [row.id for row in (await session.exec(batch)).all()]
