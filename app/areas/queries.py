"""Every SELECT of the area tree. Areas are public: nothing here asks who is looking."""

import math
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas import geo
from app.areas.models import Area, Level
from app.db.session import AsyncSession
from app.errors import NotFound

TENANT_LEVELS = (Level.CITY, Level.COUNTY)


async def get(session: AsyncSession, area_id: UUID) -> Area:
    """Raises NotFound."""
    area = await session.get(Area, area_id)
    if area is None:
        raise NotFound
    return area


async def lock(session: AsyncSession, area_id: UUID) -> Area:
    """The row, locked and fresh; rows whose foreign key points here go on meanwhile. Raises NotFound."""
    found = await session.exec(
        sa.select(Area).where(col(Area.id) == area_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    area: Area | None = found.scalars().first()
    if area is None:
        raise NotFound
    return area


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Area]:
    """The areas of these ids; unknown ids are left out."""
    if not ids:
        return {}
    found = await session.exec(sa.select(Area).where(col(Area.id).in_(set(ids))))
    return {area.id: area for area in found.scalars().all()}


def name_of(area_id: Any) -> sa.ScalarSelect[str]:
    """The name of the area that stands in a column, as part of another statement."""
    named = aliased(Area)
    return sa.select(col(named.name)).where(col(named.id) == area_id).scalar_subquery()


async def children(session: AsyncSession, *, parent_id: UUID | None, limit: int, after: UUID | None) -> Sequence[Area]:
    """The areas right below one, or the roots of all trees; newest first, one more than `limit`. Raises NotFound for an unknown parent."""
    statement = sa.select(Area).where(col(Area.parent_id).is_(None) if parent_id is None else col(Area.parent_id) == parent_id)
    if after is not None:
        statement = statement.where(col(Area.id) < after)
    found = await session.exec(statement.order_by(col(Area.id).desc()).limit(limit + 1))
    below = found.scalars().all()
    if not below and parent_id is not None:
        await get(session, parent_id)
    return below


async def ancestors(session: AsyncSession, *, path: str) -> list[Area]:
    """The chain of a path, from its root down to the area itself."""
    found = await session.exec(
        sa.select(Area).where(col(Area.code).in_(path.strip("/").split("/"))).order_by(sa.func.length(Area.path))
    )
    return [area for area in found.scalars().all() if path.startswith(area.path)]


async def root(session: AsyncSession) -> Area | None:
    """The oldest tenant."""
    found = await session.exec(_tenants().limit(1))
    oldest: Area | None = found.scalars().first()
    return oldest


async def tenants(session: AsyncSession) -> Sequence[Area]:
    """Every city or county with nothing but a province above it, the oldest first."""
    found = await session.exec(_tenants())
    return found.scalars().all()


def _tenants() -> sa.Select[Area]:
    above = aliased(Area)
    return (
        sa.select(Area)
        .outerjoin(above, col(above.id) == col(Area.parent_id))
        .where(col(Area.level).in_(TENANT_LEVELS), sa.or_(col(above.id).is_(None), col(above.level) == Level.PROVINCE))
        .order_by(col(Area.id))
    )


def oldest_tenant(value: Any = col(Area.path)) -> sa.ScalarSelect[Any]:
    """The path of `root`, or what else is asked of it, as part of another statement."""
    return _tenants().with_only_columns(value).limit(1).correlate(None).scalar_subquery()


async def by_paths(session: AsyncSession, paths: Collection[str]) -> dict[str, Area]:
    """Path → area; unknown paths are left out."""
    if not paths:
        return {}
    found = await session.exec(sa.select(Area).where(col(Area.path).in_(set(paths))))
    return {area.path: area for area in found.scalars().all()}


async def root_of(session: AsyncSession, *, path: str) -> Area:
    """The tenant that a path belongs to: its topmost city or county. Raises NotFound for a province."""
    tenants = [area for area in await ancestors(session, path=path) if area.level in TENANT_LEVELS]
    if not tenants:
        raise NotFound
    return tenants[0]


async def chain_at(session: AsyncSession, *, lng: float, lat: float) -> list[Area]:
    """The areas around a GCJ-02 point, from the root down; empty only while there are no areas.

    The deepest area whose boundary holds the point counts; below it (or anywhere, when no boundary holds the point) the community and
    then the grid with the nearest centre.
    """
    deepest = await _holding(session, lng, lat)
    path = deepest.path if deepest else ""
    for levels in ((Level.COMMUNITY,), (Level.GRID,)):
        depth = deepest.level.depth if deepest else -1
        if depth < levels[0].depth:
            deepest = await _nearest(session, lng, lat, path=path, levels=levels) or deepest
            path = deepest.path if deepest else ""
    if deepest is None:
        deepest = await _nearest(session, lng, lat, path=path, levels=tuple(Level))
    return await ancestors(session, path=deepest.path) if deepest else []


async def grid_near(session: AsyncSession, *, lng: float, lat: float, path: str) -> Area | None:
    """The grid below a path with the nearest centre, as `chain_at` takes it."""
    return await _nearest(session, lng, lat, path=path, levels=(Level.GRID,))


async def _holding(session: AsyncSession, lng: float, lat: float) -> Area | None:
    found = await session.exec(
        sa.select(Area).where(
            col(Area.boundary).is_not(None), col(Area.west) <= lng, col(Area.east) >= lng, col(Area.south) <= lat, col(Area.north) >= lat
        )
    )
    near = sorted(found.scalars().all(), key=lambda area: area.level.depth, reverse=True)
    return next((area for area in near if area.boundary and geo.inside(area.boundary, lng, lat)), None)


async def _nearest(session: AsyncSession, lng: float, lat: float, *, path: str, levels: tuple[Level, ...]) -> Area | None:
    shrink = math.cos(math.radians(lat))
    away = sa.func.power((col(Area.center_lng) - lng) * shrink, 2) + sa.func.power(col(Area.center_lat) - lat, 2)
    found = await session.exec(
        sa.select(Area)
        .where(col(Area.path).startswith(path, autoescape=True), col(Area.level).in_(levels), col(Area.center_lng).is_not(None))
        .order_by(away, col(Area.id))
        .limit(1)
    )
    nearest: Area | None = found.scalars().first()
    return nearest
