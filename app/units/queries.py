"""SELECTs of units and of who belongs to them. Staff read those of their areas, and those that answer for them from above."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.units import workflow
from app.units.models import Unit, UnitMember

NOW_IN = col(UnitMember.until).is_(None)


def expect_reader(principal: Principal) -> None:
    """Raises Forbidden for a caller who neither administers nor reviews any area."""
    if not principal.has(*workflow.READERS):
        raise Forbidden


def visible(column: Any, principal: Principal) -> sa.ColumnElement[bool]:
    """The predicate of a list: `workflow.sees` in SQL."""
    own = principal.area_paths(*workflow.READERS)
    above = sorted({path for one in own for path in workflow.lineage(one)})
    return sa.or_(within(column, own), col(column).in_(above))


async def under(session: AsyncSession, column: Any, area_id: UUID | None) -> sa.ColumnElement[bool]:
    """Rows of an area and below it; all of them without one. Raises NotFound."""
    if area_id is None:
        return sa.true()
    return within(column, [(await areas_queries.get(session, area_id)).path])


async def access(session: AsyncSession, *, principal: Principal, unit_id: UUID, lock: bool = False) -> Unit:
    """A unit that the caller may read. Raises NotFound."""
    asked = sa.select(Unit).where(col(Unit.id) == unit_id).execution_options(populate_existing=True)
    found = await session.exec(asked.with_for_update(key_share=True) if lock else asked)
    unit: Unit | None = found.scalars().first()
    if unit is None or not workflow.sees(principal, unit.area_path):
        raise NotFound
    return unit


async def access_administered(session: AsyncSession, *, principal: Principal, unit_id: UUID) -> Unit:
    """Locks a unit for a change. Raises NotFound, Forbidden for who reads it only."""
    unit = await access(session, principal=principal, unit_id=unit_id, lock=True)
    if not workflow.administers(principal, unit.area_path):
        raise Forbidden
    return unit


async def units(
    session: AsyncSession, *, principal: Principal, area_id: UUID | None, active: bool | None, limit: int, after: UUID | None
) -> Sequence[Unit]:
    """Newest first, one more than `limit`. Raises Forbidden, NotFound for an unknown area."""
    expect_reader(principal)
    asked = sa.select(Unit).where(visible(Unit.area_path, principal), await under(session, Unit.area_path, area_id))
    if active is not None:
        asked = asked.where(col(Unit.active).is_(active))
    if after is not None:
        asked = asked.where(col(Unit.id) < after)
    found = await session.exec(asked.order_by(col(Unit.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def by_ids(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID, Unit]:
    """The units of these ids; unknown ids are left out."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    found = await session.exec(sa.select(Unit).where(col(Unit.id).in_(wanted)))
    return {unit.id: unit for unit in found.scalars().all()}


def name_of(unit_id: Any) -> sa.ScalarSelect[str]:
    """The name of the unit that stands in a column, as part of another statement."""
    return sa.select(col(Unit.name)).where(col(Unit.id) == unit_id).scalar_subquery()


async def sizes(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, int]:
    """How many belong to each of these units now; those without anybody are left out."""
    found = await session.exec(
        sa.select(col(UnitMember.unit_id), sa.func.count().label("members")).where(col(UnitMember.unit_id).in_(ids), NOW_IN)
        .group_by(col(UnitMember.unit_id))
    )
    return {row.unit_id: row.members for row in found.all()}


async def members(
    session: AsyncSession, *, unit_id: UUID, past: bool, limit: int, after: UUID | None
) -> Sequence[UnitMember]:
    """Who belongs to a unit, or ever did, newest first, one more than `limit`."""
    asked = sa.select(UnitMember).where(col(UnitMember.unit_id) == unit_id)
    if not past:
        asked = asked.where(NOW_IN)
    if after is not None:
        asked = asked.where(col(UnitMember.id) < after)
    found = await session.exec(asked.order_by(col(UnitMember.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def lock_member(session: AsyncSession, *, unit_id: UUID, member_id: UUID) -> UnitMember:
    """Raises NotFound, also for one of another unit or one who has left."""
    found = await session.exec(
        sa.select(UnitMember).where(col(UnitMember.id) == member_id, col(UnitMember.unit_id) == unit_id, NOW_IN)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: UnitMember | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def of_worker(session: AsyncSession, *, account_id: UUID) -> Unit | None:
    """The unit in service that somebody belongs to now."""
    found = await session.exec(
        sa.select(Unit).join(UnitMember, col(UnitMember.unit_id) == col(Unit.id))
        .where(col(UnitMember.account_id) == account_id, NOW_IN, col(Unit.active))
    )
    unit: Unit | None = found.scalars().first()
    return unit


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """To which units a person belongs or belonged, for the copy of one's data."""
    found = await session.exec(
        sa.select(UnitMember, col(Unit.name)).join(Unit, col(Unit.id) == col(UnitMember.unit_id))
        .where(col(UnitMember.account_id) == member_id).order_by(col(UnitMember.id))
    )
    return {
        "units": [
            {"unit": name, "since": row.created_at.isoformat(), "until": row.until.isoformat() if row.until else None}
            for row, name in found.all()
        ]
    }
