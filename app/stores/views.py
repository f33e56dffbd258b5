"""Rows of stores as answers: what the caller sees of them."""

from collections.abc import Sequence
from typing import Any

from app.areas import queries as areas_queries
from app.areas.schemas import place_out
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.auth.schemas import grant_out
from app.db.session import AsyncSession
from app.stores import workflow
from app.stores.models import Store
from app.stores.schemas import StaffListOut, StoreBrief, StoreOut


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Store], distances: Sequence[float] = ()) -> list[StoreOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    away: list[int | None] = [round(metres) for metres in distances] if distances else [None] * len(rows)
    return [_out(principal, row, areas[row.area_id], metres) for row, metres in zip(rows, away, strict=True)]


async def one(session: AsyncSession, principal: Principal, store: Store) -> StoreOut:
    return (await shown(session, principal, [store]))[0]


def brief(store: Store) -> StoreBrief:
    return StoreBrief.model_validate(
        {"id": store.id, "name": store.name, "address": store.address, "phone": store.phone, "location": place_out(store.lng, store.lat)}
    )


async def staff(session: AsyncSession, store: Store) -> StaffListOut:
    """Everybody who works at the store, with masked numbers."""
    grants = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
    return StaffListOut(items=[grant_out(grant, store.name) for grant in grants], next_cursor=None)


def _out(principal: Principal, store: Store, area: Any, distance_m: int | None) -> StoreOut:
    return StoreOut.model_validate(
        {
            "id": store.id, "name": store.name, "area": {"id": area.id, "name": area.name}, "location": place_out(store.lng, store.lat),
            "address": store.address, "phone": store.phone, "hours": store.hours, "paused": store.paused, "distance_m": distance_m,
            "confirm_above_points": store.confirm_above_points if workflow.administers(principal, store) else None,
            "version": store.version, "allowed": workflow.allowed(principal, store),
        }
    )
