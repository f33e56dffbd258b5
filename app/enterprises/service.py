"""Every change of enterprises."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.audit import service as audit_service
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises import queries, workflow
from app.enterprises.models import Enterprise, EnterpriseHeadcount
from app.errors import AlreadyExists, Forbidden, ValidationFailed, expect_version

TAKEN = "该统一社会信用代码已经登记"


async def create(session: AsyncSession, *, principal: Principal, area_id: UUID, fields: Mapping[str, Any]) -> Enterprise:
    """Adds an enterprise and its scope. A wrong check digit is no refusal: the answer's `warnings` tell.

    Raises NotFound for an unknown area, Forbidden for one that the caller does not administer, AlreadyExists for a code that the tenant
    has.
    """
    columns = dict(fields) | await _place(session, principal, area_id) | {"listed_on": fields.get("listed_on") or clock.today()}
    made = await session.exec(
        insert(Enterprise)
        .values(id=new_id(), version=1, **columns)
        .on_conflict_do_nothing(index_elements=["tenant_id", "uscc"])
        .returning(col(Enterprise.id))
    )
    enterprise_id = made.scalars().first()
    if enterprise_id is None:
        raise AlreadyExists(TAKEN)
    enterprise = await queries.get(session, enterprise_id)
    if enterprise.headcount is not None:
        await _put_figure(session, principal, enterprise, on=clock.today(), headcount=enterprise.headcount)
    await _written(session, enterprise, "enterprise.create", headcount=enterprise.headcount)
    return enterprise


async def update(
    session: AsyncSession, *, principal: Principal, enterprise_id: UUID, seen: int | None, area_id: UUID | None, fields: Mapping[str, Any]
) -> Enterprise:
    """Changes what is given; `area_id` None leaves it where it is, another moves it and every grant on it. Locks the row.

    A headcount becomes today's figure. Raises NotFound, Forbidden for who does not administer both places, VersionMismatch, AlreadyExists,
    ValidationFailed for a day of closing before that of listing.
    """
    enterprise = await queries.access_administered(session, principal=principal, enterprise_id=enterprise_id)
    place = {} if area_id is None else await _place(session, principal, area_id)
    expect_version(seen, enterprise.version)
    changed = dict(fields) | place
    if changed.get("uscc", enterprise.uscc) != enterprise.uscc:
        changed = {"uscc_confirmed": False} | changed
    for name, value in changed.items():
        setattr(enterprise, name, value)
    enterprise.version += 1
    workflow.require_life(enterprise.listed_on, enterprise.closed_on)
    await _refuse_if_taken(session, enterprise)
    session.add(enterprise)
    await session.flush()
    if "headcount" in fields:
        await _put_figure(session, principal, enterprise, on=clock.today(), headcount=enterprise.headcount)
    await _written(session, enterprise, "enterprise.update", fields=sorted(fields), moved=area_id is not None)
    return enterprise


async def record_headcount(
    session: AsyncSession, *, principal: Principal, enterprise_id: UUID, seen: int | None, on: date, headcount: int
) -> EnterpriseHeadcount:
    """Writes the figure of a local day, in place of one that the day has. Its enterprise shows the figure of the newest day. Locks it.

    Raises NotFound for who is neither its contact nor an administrator of its area, VersionMismatch, ValidationFailed for a day to come
    or one after the closing.
    """
    enterprise = await queries.lock_details(session, principal=principal, enterprise_id=enterprise_id)
    expect_version(seen, enterprise.version)
    workflow.require_day_of_figure(enterprise, on, clock.today())
    figure = await _put_figure(session, principal, enterprise, on=on, headcount=headcount)
    [newest, *_] = await queries.headcounts(session, enterprise_id=enterprise_id, limit=1, after=None)
    if newest.headcount != enterprise.headcount:
        enterprise.headcount, enterprise.version = newest.headcount, enterprise.version + 1
        session.add(enterprise)
        await session.flush()
    return figure


async def _put_figure(
    session: AsyncSession, principal: Principal, enterprise: Enterprise, *, on: date, headcount: int | None
) -> EnterpriseHeadcount:
    """One figure a day: the last one counts. Each is in the trail."""
    told = {"headcount": headcount, "recorded_by": principal.account_id}
    made = await session.exec(
        insert(EnterpriseHeadcount)
        .values(id=new_id(), enterprise_id=enterprise.id, on=on, **told)
        .on_conflict_do_update(index_elements=["enterprise_id", "on"], set_=told)
        .returning(EnterpriseHeadcount)
        .execution_options(populate_existing=True)
    )
    figure: EnterpriseHeadcount = made.scalars().one()
    audit_service.record(
        session, "enterprise.headcount", object_kind="enterprise", object_id=enterprise.id, area_path=enterprise.area_path,
        on=on.isoformat(), headcount=headcount,
    )
    return figure


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """The figures stay; who wrote them down is forgotten."""
    await session.exec(
        sa.update(EnterpriseHeadcount).where(col(EnterpriseHeadcount.recorded_by) == member_id).values(recorded_by=None)
    )


async def _place(session: AsyncSession, principal: Principal, area_id: UUID) -> dict[str, Any]:
    """The columns of a place. Raises NotFound, Forbidden, ValidationFailed for a province, which belongs to no tenant."""
    area: Area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise Forbidden
    if area.level is Level.PROVINCE:
        raise ValidationFailed.of("body", "area_id", msg="企业应归属到市、县或以下区域", kind="area_level")
    tenant = await areas_queries.root_of(session, path=area.path)
    return {"area_id": area.id, "area_path": area.path, "tenant_id": tenant.id}


async def _refuse_if_taken(session: AsyncSession, enterprise: Enterprise) -> None:
    """Raises AlreadyExists. Of two such changes at once, the constraint refuses the later one."""
    with session.no_autoflush:
        found = await session.exec(
            sa.select(sa.literal(1)).where(
                col(Enterprise.tenant_id) == enterprise.tenant_id, col(Enterprise.uscc) == enterprise.uscc,
                col(Enterprise.id) != enterprise.id,
            )
        )
    if found.first() is not None:
        raise AlreadyExists(TAKEN)


async def _written(session: AsyncSession, enterprise: Enterprise, action: str, **facts: Any) -> None:
    """What goes with every change: the scope that grants name, and the trail."""
    await auth_service.put_scope(
        session, scope_type=ScopeType.ENTERPRISE, scope_id=enterprise.id, area_path=enterprise.area_path, name=enterprise.name
    )
    audit_service.record(
        session, action, object_kind="enterprise", object_id=enterprise.id, area_path=enterprise.area_path, **facts
    )
    await session.flush()
