"""Every change of a store and of who works there."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.areas.schemas import Place
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound, expect_version
from app.stores import queries
from app.stores.models import Store


async def create(session: AsyncSession, *, principal: Principal, area_id: UUID, location: Place, fields: Mapping[str, Any]) -> Store:
    """Adds a store and its scope. Raises NotFound for an unknown area, Forbidden for one that the caller does not administer."""
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise Forbidden
    store = Store(area_id=area.id, area_path=area.path, **fields, **_placed(location))
    session.add(store)
    await session.flush()
    await _write_scope(session, store)
    audit_service.record(session, "store.create", object_kind="store", object_id=store.id, area_path=store.area_path)
    return store


async def update(
    session: AsyncSession, *, principal: Principal, store_id: UUID, seen: int | None, location: Place | None, fields: Mapping[str, Any]
) -> Store:
    """Changes what is given; `location` None leaves it. Raises NotFound, Forbidden, VersionMismatch."""
    store = await queries.access_administered(session, principal=principal, store_id=store_id)
    expect_version(seen, store.version)
    changed = dict(fields) | ({} if location is None else _placed(location))
    for name, value in changed.items():
        setattr(store, name, value)
    store.version += 1
    session.add(store)
    await session.flush()
    if "name" in changed:
        await _write_scope(session, store)
    audit_service.record(
        session, "store.update", object_kind="store", object_id=store.id, area_path=store.area_path, fields=sorted(changed)
    )
    return store


async def add_staff(session: AsyncSession, *, principal: Principal, store: Store, phone: str, role: Role) -> AccessGrant:
    """Gives a role at a store that the caller runs to a number. Raises Forbidden beyond the caller's own right, AlreadyExists."""
    return await auth_service.grant(
        session, principal=principal, role=role, scope_type=ScopeType.STORE, scope_id=store.id, phone=phone
    )


async def remove_staff(session: AsyncSession, *, principal: Principal, store_id: UUID, grant_id: UUID) -> None:
    """Ends a grant at this store at once. Raises NotFound for a grant of elsewhere, Forbidden beyond the caller's own right."""
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
    if grant_id not in {grant.id for grant in staff}:
        raise NotFound
    await auth_service.revoke(session, principal=principal, grant_id=grant_id)


async def _write_scope(session: AsyncSession, store: Store) -> None:
    await auth_service.put_scope(
        session, scope_type=ScopeType.STORE, scope_id=store.id, area_path=store.area_path, name=store.name
    )


def _placed(location: Place) -> dict[str, Any]:
    lng, lat = location.gcj02()
    return {"lng": lng, "lat": lat, "given_lng": location.lng, "given_lat": location.lat, "given_crs": location.crs}
