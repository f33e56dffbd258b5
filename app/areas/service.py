"""Every change of the area tree. An area's place in it never changes: code, level and parent are for good."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.areas import queries, workflow
from app.areas.models import Area
from app.areas.schemas import AreaIn, AreaPatch
from app.audit import service as audit_service
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Forbidden, expect_version


async def create(session: AsyncSession, *, principal: Principal, body: AreaIn) -> Area:
    """Adds an area and its scope.

    Raises NotFound for an unknown parent, Forbidden beyond the caller's own areas, ValidationFailed for a level or code that does not
    fit below the parent, AlreadyExists for a code that is taken.
    """
    parent = None if body.parent_id is None else await queries.get(session, body.parent_id)
    path = f"{parent.path if parent else ''}{body.code}/"
    if not workflow.may_change(principal, path):
        raise Forbidden
    if parent is not None:
        workflow.require_fit(parent, level=body.level, code=body.code)
    area = await _insert(session, body, path)
    await _write_scope(session, area)
    audit_service.record(session, "area.create", object_kind="area", object_id=area.id, area_path=area.path, code=area.code)
    await session.flush()
    return area


async def update(session: AsyncSession, *, principal: Principal, area_id: UUID, seen: int | None, body: AreaPatch) -> Area:
    """Changes what is given. Locks the row. Raises NotFound, Forbidden, VersionMismatch."""
    area = await queries.lock(session, area_id)
    if not workflow.may_change(principal, area.path):
        raise Forbidden
    expect_version(seen, area.version)
    given = body.model_fields_set
    _place(area, body)
    if body.name is not None:
        area.name = body.name
    area.version += 1
    session.add(area)
    await session.flush()
    if "name" in given:
        await _write_scope(session, area)
    audit_service.record(session, "area.update", object_kind="area", object_id=area.id, area_path=area.path, fields=sorted(given))
    await session.flush()
    return area


def _place(area: Area, body: AreaPatch) -> None:
    """A centre that came from the boundary moves with it; one that was given stays."""
    center = workflow.own_center(area)
    if "center" in body.model_fields_set:
        center = body.center.gcj02() if body.center else None
    if "boundary" in body.model_fields_set:
        area.boundary = body.boundary.model_dump(mode="json") if body.boundary else None
    for name, value in (workflow.center(center, area.boundary) | workflow.box(area.boundary)).items():
        setattr(area, name, value)


async def _insert(session: AsyncSession, body: AreaIn, path: str) -> Area:
    boundary = body.boundary.model_dump(mode="json") if body.boundary else None
    center = body.center.gcj02() if body.center else None
    made = await session.exec(
        insert(Area)
        .values(
            id=new_id(), parent_id=body.parent_id, level=body.level, code=body.code, name=body.name, path=path, boundary=boundary,
            version=1, **workflow.center(center, boundary), **workflow.box(boundary),
        )
        .on_conflict_do_nothing(index_elements=["code"])
        .returning(col(Area.id))
    )
    area_id = made.scalars().first()
    if area_id is None:
        raise AlreadyExists("该区划代码已经存在")
    return await queries.get(session, area_id)


async def _write_scope(session: AsyncSession, area: Area) -> None:
    await auth_service.put_scope(session, scope_type=ScopeType.AREA, scope_id=area.id, area_path=area.path, name=area.name)
