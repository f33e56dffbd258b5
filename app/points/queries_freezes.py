"""Where redemption stands still: asked inside the statements of an order and of the till, listed for whoever looks after the books."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members import queries as members_queries
from app.points.models import PointsText
from app.points.models_freezes import PointsFreeze

OPEN = col(PointsFreeze.lifted_at).is_(None)


def over_area(area_path: Any) -> sa.ColumnElement[bool]:
    """The predicate of a row that lies at this path: a freeze is open there."""
    return sa.exists().where(OPEN, sa.func.starts_with(area_path, col(PointsFreeze.area_path)))


def over_member(member_id: Any) -> sa.ColumnElement[bool]:
    """The predicate of a member: a freeze is open where they work; who has told no place belongs to the oldest tenant."""
    return over_area(sa.func.coalesce(members_queries.works_at(member_id), areas_queries.oldest_tenant()))


def as_text(predicate: sa.ColumnElement[bool]) -> str:
    """The same for a statement that is written as text; what it asks about is a `literal_column`."""
    return str(predicate.compile(compile_kwargs={"literal_binds": True}))


def open_paths() -> sa.ScalarSelect[Any]:
    """The areas of all open freezes, null while there is none, as part of another statement."""
    return sa.select(sa.func.array_agg(col(PointsFreeze.area_path), type_=sa.ARRAY(sa.Text))).where(OPEN).scalar_subquery()


async def access_freeze(session: AsyncSession, *, principal: Principal, freeze_id: UUID) -> PointsFreeze:
    """Locks a freeze that the caller may see. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(PointsFreeze)
        .where(col(PointsFreeze.id) == freeze_id, _seen(principal))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    freeze: PointsFreeze | None = found.scalars().first()
    if freeze is None:
        raise NotFound
    return freeze


async def freezes(
    session: AsyncSession, *, principal: Principal, open: bool | None, limit: int, after: UUID | None
) -> Sequence[tuple[PointsFreeze, str | None]]:
    """Those that the caller may see, with the note of whoever lifted them; newest first, one more than `limit`."""
    statement = (
        sa.select(PointsFreeze, col(PointsText.text))
        .outerjoin(PointsText, col(PointsText.id) == col(PointsFreeze.note_id))
        .where(_seen(principal))
    )
    if open is not None:
        statement = statement.where(OPEN if open else sa.not_(OPEN))
    if after is not None:
        statement = statement.where(col(PointsFreeze.id) < after)
    found = await session.exec(statement.order_by(col(PointsFreeze.id).desc()).limit(limit + 1))
    return [(freeze, note) for freeze, note in found.all()]


async def counts(session: AsyncSession) -> tuple[int, int]:
    """How many freezes are open, and for how many invariants."""
    found = await session.exec(sa.select(sa.func.count(), sa.func.count(sa.distinct(col(PointsFreeze.invariant)))).where(OPEN))
    freezes, invariants = found.one()
    return int(freezes), int(invariants)


async def measured(session: AsyncSession) -> dict[str, float]:
    """The figures that an operator is alerted by, whichever process found them."""
    freezes, invariants = await counts(session)
    return {"xinxin_redemption_freezes": freezes, "xinxin_ledger_broken_invariants": invariants}


def _seen(principal: Principal) -> sa.ColumnElement[bool]:
    if principal.has(Role.PLATFORM_ADMIN):
        return sa.true()
    return within(col(PointsFreeze.area_path), principal.area_paths(Role.AREA_ADMIN, Role.AUDITOR))
