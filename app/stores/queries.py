"""Every SELECT of stores. What they are and where they stand is public; who works there is not."""

import math
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo
from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.stores import workflow
from app.stores.models import Store


async def get(session: AsyncSession, store_id: UUID) -> Store:
    """Raises NotFound."""
    store = await session.get(Store, store_id)
    if store is None:
        raise NotFound
    return store


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Store]:
    """The stores of these ids; unknown ids are left out."""
    if not ids:
        return {}
    found = await session.exec(sa.select(Store).where(col(Store.id).in_(set(ids))))
    return {store.id: store for store in found.scalars().all()}


async def lock(session: AsyncSession, store_id: UUID, *, shared: bool = False) -> Store:
    """The row, locked and fresh. Verifications, whose foreign key points here, go on meanwhile. Raises NotFound.

    `shared`: holds off whoever locks the row for itself, not others who share it.
    """
    found = await session.exec(
        sa.select(Store)
        .where(col(Store.id) == store_id)
        .with_for_update(read=shared, key_share=not shared)
        .execution_options(populate_existing=True)
    )
    store: Store | None = found.scalars().first()
    if store is None:
        raise NotFound
    return store


async def access_administered(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """Locks a store for a change by an administrator of its area. Raises NotFound for an unknown one, Forbidden for anybody else's."""
    store = await lock(session, store_id)
    if not workflow.administers(principal, store):
        raise Forbidden
    return store


async def access_run(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """A store whose staff and money the caller looks after: as its owner, or as an administrator of its area.

    Raises NotFound without any grant there, Forbidden for its clerks.
    """
    store = await get(session, store_id)
    if workflow.owns(principal, store) or workflow.administers(principal, store):
        return store
    raise Forbidden if workflow.works_at(principal, store) else NotFound


async def access_worked(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """A store whose daily work the caller sees: owner, clerk, administrator of its area. Raises NotFound."""
    store = await get(session, store_id)
    if not (workflow.works_at(principal, store) or workflow.administers(principal, store)):
        raise NotFound
    return store


async def stores(
    session: AsyncSession, *, principal: Principal, area_path: str | None, limit: int, after: UUID | None
) -> Sequence[Store]:
    """Newest first, one more than `limit`. Paused ones are shown to administrators of their area only."""
    statement = sa.select(Store).where(_offered(principal))
    if area_path is not None:
        statement = statement.where(within(col(Store.area_path), [area_path]))
    if after is not None:
        statement = statement.where(col(Store.id) < after)
    found = await session.exec(statement.order_by(col(Store.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def nearby(session: AsyncSession, *, lng: float, lat: float, radius_m: float, limit: int) -> list[tuple[Store, float]]:
    """The stores on offer within the radius and how many metres away they are, nearest first, at most `limit`. GCJ-02."""
    west, south, east, north = geo.around(lng, lat, radius_m)
    shrink = math.cos(math.radians(lat))
    away = sa.func.power((col(Store.lng) - lng) * shrink, 2) + sa.func.power(col(Store.lat) - lat, 2)
    found = await session.exec(
        sa.select(Store)
        .where(
            col(Store.paused).is_(False), col(Store.lng) >= west, col(Store.lng) <= east, col(Store.lat) >= south, col(Store.lat) <= north
        )
        .order_by(away, col(Store.id))
        .limit(limit)
    )
    measured = [(store, geo.distance_m(lng, lat, store.lng, store.lat)) for store in found.scalars().all()]
    return sorted((pair for pair in measured if pair[1] <= radius_m), key=lambda pair: pair[1])


async def area_path(session: AsyncSession, area_id: UUID | None) -> str | None:
    """The path to filter a list by. Raises NotFound for an unknown area."""
    return None if area_id is None else (await areas_queries.get(session, area_id)).path


async def may_issue_qrcode(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Its owner and the administrators of its area print a store's code. Raises NotFound for an unknown store."""
    store = await get(session, target_id)
    return workflow.owns(principal, store) or workflow.administers(principal, store)


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of a store's code shows to everybody. Raises NotFound."""
    store = await get(session, target_id)
    return {"id": str(store.id), "name": store.name, "address": store.address, "phone": store.phone, "hours": store.hours}


def _offered(principal: Principal) -> sa.ColumnElement[bool]:
    administered = within(col(Store.area_path), principal.area_paths(Role.AREA_ADMIN))
    return sa.or_(col(Store.paused).is_(False), administered)
