"""Rows of stores as answers: what the caller sees of them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from app import clock
from app.areas import queries as areas_queries
from app.areas.schemas import place_out
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.auth.schemas import grant_out
from app.db.session import AsyncSession
from app.stores import queries, workflow, workflow_hours
from app.stores.models import Store
from app.stores.models_days import StoreSpecialDay
from app.stores.queries import Head
from app.stores.schemas import StaffListOut, StoreBrief, StoreOut
from app.uploads import links
from app.uploads import queries as uploads_queries

COVER = 1  # photos that a list shows of a store: a page of a hundred stores is read on a cheap phone


async def shown(
    session: AsyncSession, principal: Principal, rows: Sequence[Store], distances: Sequence[float] = (), *, whole: bool = False
) -> list[StoreOut]:
    """`whole`: with all photos and the special days of any later time, of which lists show the first, and the next few weeks'."""
    now, ids = clock.now(), {row.id for row in rows}
    today = clock.local_day(now)
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    last = None if whole else today + timedelta(days=workflow_hours.HORIZON)
    days = await queries.special_days(session, ids, first=today - timedelta(days=1), last=last)
    photos = await uploads_queries.photos(session, ids)
    offered = await queries.offered_among(session, ids, today)
    away: Sequence[float | None] = distances or [None] * len(rows)
    return [
        StoreOut.model_validate(_out(principal, row, areas[row.area_id]) | {
            "opening": asdict(queries.opening(row, days[row.id], now)), "offered": row.id in offered,
            "special_days": [_day(day) for day in days[row.id] if day.ends_on >= today],
            "photos": links.pictures(
                session, photos.get(row.id, ()), whole=workflow.looks_after(principal, row), most=None if whole else COVER
            ),
            "distance_m": round(metres) if metres is not None else None,
        })
        for row, metres in zip(rows, away, strict=True)
    ]


async def one(session: AsyncSession, principal: Principal, store: Store) -> StoreOut:
    return (await shown(session, principal, [store], whole=True))[0]


def brief(store: Store | Head) -> StoreBrief:
    return StoreBrief.model_validate(
        {"id": store.id, "name": store.name, "address": store.address, "phone": store.phone, "location": place_out(store.lng, store.lat)}
    )


async def staff(session: AsyncSession, store: Store) -> StaffListOut:
    """Everybody who works at the store, with masked numbers."""
    grants = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
    return StaffListOut(items=[grant_out(grant, store.name) for grant in grants], next_cursor=None)


def _day(day: StoreSpecialDay) -> dict[str, Any]:
    return {
        "from": day.starts_on, "to": day.ends_on, "closed": day.opens is None, "opens": day.opens, "closes": day.closes, "note": day.note,
    }


def _out(principal: Principal, store: Store, area: Any) -> dict[str, Any]:
    paused = workflow_hours.is_paused(store.paused, store.paused_until, clock.today())
    return {
        "id": store.id, "name": store.name, "category": store.category, "area": {"id": area.id, "name": area.name},
        "location": place_out(store.lng, store.lat), "address": store.address, "phone": store.phone, "hours": store.hours,
        "paused": paused, "paused_until": store.paused_until if paused else None, "pause_note": store.pause_note if paused else None,
        "confirm_above_points": store.confirm_above_points if workflow.administers(principal, store) else None,
        "version": store.version, "allowed": workflow.allowed(principal, store),
    }
