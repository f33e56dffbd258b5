"""Every SELECT of stores. What they are and where they stand is public; who works there is not."""

import math
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas import geo
from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.stores import queries_contracts, workflow, workflow_hours
from app.stores.models import Store, StoreCategory
from app.stores.models_days import StoreSpecialDay
from app.stores.workflow_hours import Opening, Special

HEAD = ("id", "name", "address", "phone", "lng", "lat", "area_path")
CHUNK = 200  # stores that are looked at together for those that are open


@dataclass(frozen=True, slots=True)
class Head:
    """A store as orders name it, and where it lies."""

    id: UUID
    name: str
    address: str
    phone: str
    lng: float
    lat: float
    area_path: str


def head() -> list[sa.ColumnElement[Any]]:
    """The columns of a `Head` as part of another statement."""
    return [getattr(Store, name).label(f"store_{name}") for name in HEAD]


def read_head(row: Mapping[str, Any]) -> Head | None:
    """None where the row has no store."""
    return None if row["store_id"] is None else Head(*(row[f"store_{name}"] for name in HEAD))


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


def offered(today: Any) -> sa.ColumnElement[bool]:
    """THE condition on a store to be in lists and to have its rewards ordered on a local day: not paused, and its contract not over."""
    running = sa.or_(col(Store.paused).is_(False), col(Store.paused_until) < today)
    return sa.and_(running, queries_contracts.not_over(today))


async def offered_among(session: AsyncSession, ids: Collection[UUID], today: date) -> set[UUID]:
    """Those of these stores that are on offer."""
    if not ids:
        return set()
    found = await session.exec(sa.select(col(Store.id)).where(col(Store.id).in_(set(ids)), offered(today)))
    return set(found.scalars().all())


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


async def access_changed(session: AsyncSession, *, principal: Principal, store_id: UUID, fields: Collection[str]) -> Store:
    """Locks a store for a change of these fields. Raises NotFound for an unknown one, Forbidden for who may not change all of them."""
    store = await lock(session, store_id)
    if not workflow.may_change(principal, store, fields):
        raise Forbidden
    return store


async def access_contracted(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """Locks a store for a contract by an administrator of its area. Raises as `access_run`, and Forbidden for its owner."""
    await access_run(session, principal=principal, store_id=store_id)
    store = await lock(session, store_id)
    if not workflow.contracts_with(principal, store):
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
    session: AsyncSession, *, principal: Principal, area_path: str | None, category: StoreCategory | None = None, limit: int,
    after: UUID | None,
) -> Sequence[Store]:
    """Newest first, one more than `limit`. What is not on offer is shown to administrators of its area only."""
    administered = within(col(Store.area_path), principal.area_paths(Role.AREA_ADMIN))
    statement = sa.select(Store).where(sa.or_(offered(clock.today()), administered))
    if area_path is not None:
        statement = statement.where(within(col(Store.area_path), [area_path]))
    if category is not None:
        statement = statement.where(col(Store.category) == category)
    if after is not None:
        statement = statement.where(col(Store.id) < after)
    found = await session.exec(statement.order_by(col(Store.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def nearby(
    session: AsyncSession, *, lng: float, lat: float, radius_m: float, category: StoreCategory | None = None, open_now: bool = False,
    limit: int,
) -> list[tuple[Store, float]]:
    """The stores on offer within the radius and how many metres away they are, nearest first, at most `limit`. GCJ-02.

    `open_now` looks further until there are enough.
    """
    chosen: list[tuple[Store, float]] = []
    kind = sa.true() if category is None else col(Store.category) == category
    async for chunk in _outward(session, lng, lat, radius_m, kind, CHUNK if open_now else limit):
        wanted = await _open_ones(session, chunk, clock.now()) if open_now else chunk
        measured = [(store, geo.distance_m(lng, lat, store.lng, store.lat)) for store in wanted]
        chosen += [pair for pair in measured if pair[1] <= radius_m]
        if len(chosen) >= limit or not open_now:
            break
    return sorted(chosen, key=lambda pair: pair[1])[:limit]


async def _outward(
    session: AsyncSession, lng: float, lat: float, radius_m: float, kind: sa.ColumnElement[bool], size: int
) -> AsyncIterator[Sequence[Store]]:
    """The stores on offer around a point, from the nearest outward, so many at a time."""
    west, south, east, north = geo.around(lng, lat, radius_m)
    shrink = math.cos(math.radians(lat))
    away = sa.func.power((col(Store.lng) - lng) * shrink, 2) + sa.func.power(col(Store.lat) - lat, 2)
    place = sa.tuple_(away, col(Store.id))
    statement = (
        sa.select(Store, away)
        .where(
            offered(clock.today()), kind, sa.between(col(Store.lng), west, east), sa.between(col(Store.lat), south, north)
        )
        .order_by(away, col(Store.id))
        .limit(size)
    )
    rows = (await session.exec(statement)).all()
    while rows:
        yield [store for store, _ in rows]
        if len(rows) < size:
            return
        last, at = rows[-1]
        beyond = place > sa.tuple_(sa.literal(at, sa.Float), sa.literal(last.id, sa.Uuid))
        rows = (await session.exec(statement.where(beyond))).all()


async def special_days(
    session: AsyncSession, store_ids: Collection[UUID], *, first: date, last: date | None = None
) -> dict[UUID, list[StoreSpecialDay]]:
    """The special days of stores that touch these local days (None: without end), in their order."""
    statement = sa.select(StoreSpecialDay).where(col(StoreSpecialDay.store_id).in_(set(store_ids)), col(StoreSpecialDay.ends_on) >= first)
    if last is not None:
        statement = statement.where(col(StoreSpecialDay.starts_on) <= last)
    found = await session.exec(statement.order_by(col(StoreSpecialDay.starts_on)))
    days: dict[UUID, list[StoreSpecialDay]] = {store_id: [] for store_id in store_ids}
    for day in found.scalars().all():
        days[day.store_id].append(day)
    return days


async def _open_ones(session: AsyncSession, stores: Sequence[Store], now: datetime) -> list[Store]:
    """Those that are open now, by one statement: only what began yesterday or today can be open."""
    today = clock.local_day(now)
    days = await special_days(session, {store.id for store in stores}, first=today - timedelta(days=1), last=today)
    return [store for store in stores if opening(store, days[store.id], now).open]


def opening(store: Store, days: Sequence[StoreSpecialDay], now: datetime) -> Opening:
    """Its state now, by its special days from yesterday to the horizon."""
    special = [Special(day.starts_on, day.ends_on, day.opens, day.closes) for day in days]
    return workflow_hours.opening(
        hours=store.hours, special=special, paused=store.paused, paused_until=store.paused_until, now=now
    )


async def may_see_photos(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """Those who look after a store see its photos before they have passed the content check."""
    store = await session.get(Store, owner_id)
    return store is not None and workflow.looks_after(principal, store)


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
    told = {"id": str(store.id), "name": store.name, "address": store.address, "phone": store.phone, "hours": store.hours}
    if not workflow_hours.is_paused(store.paused, store.paused_until, clock.today()):
        return told
    pause = workflow_hours.pause_in_words(store.paused_until, store.pause_note)
    return told | {"lines": [f"地址：{store.address}", pause]}
