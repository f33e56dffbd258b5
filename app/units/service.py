"""Every change of units, of who belongs to them, and of routing rules. Lock order: unit, its member's row, the member's account."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.categories import queries as categories_queries
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Forbidden, NotFound, expect_version
from app.units import errors, queries, queries_rules, workflow
from app.units.models import RoutingRule, Unit, UnitMember
from app.units.schemas import RuleIn

TAKEN, TWIN = "该区域已有同名的责任单位", "该区域、类别和优先级已有一条同日生效的规则"
CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


async def create(session: AsyncSession, *, principal: Principal, area_id: UUID, fields: Mapping[str, Any]) -> Unit:
    """Raises NotFound for an unknown area, Forbidden for one that the caller does not administer, AlreadyExists."""
    area = await _administered_area(session, principal, area_id)
    made = await session.exec(
        insert(Unit)
        .values(id=new_id(), area_id=area.id, area_path=area.path, active=True, version=1, **fields)
        .on_conflict_do_nothing(index_elements=["area_id", "name"], index_where=sa.text("active"))
        .returning(Unit)
    )
    unit: Unit | None = made.scalars().first()
    if unit is None:
        raise AlreadyExists(TAKEN)
    await _record(session, "unit.create", "unit", unit, area_id=str(area.id), unit_kind=unit.kind.value)
    return unit


async def update(
    session: AsyncSession, *, principal: Principal, unit_id: UUID, seen: int | None, fields: Mapping[str, Any]
) -> Unit:
    """Changes what is given. Raises NotFound, Forbidden, VersionMismatch, AlreadyExists for a name that the area has."""
    unit = await queries.access_administered(session, principal=principal, unit_id=unit_id)
    expect_version(seen, unit.version)
    for name, value in fields.items():
        setattr(unit, name, value)
    unit.version += 1
    if unit.active and await _name_taken(session, unit):
        raise AlreadyExists(TAKEN)
    session.add(unit)
    await session.flush()
    await _record(session, "unit.update", "unit", unit, fields=sorted(fields), active=unit.active)
    return unit


async def _name_taken(session: AsyncSession, unit: Unit) -> bool:
    """Of two such changes at once, the constraint refuses the later one."""
    with session.no_autoflush:
        found = await session.exec(
            sa.select(sa.literal(1)).where(
                col(Unit.area_id) == unit.area_id, col(Unit.name) == unit.name, col(Unit.active), col(Unit.id) != unit.id
            )
        )
    return found.first() is not None


async def add_member(session: AsyncSession, *, principal: Principal, unit_id: UUID, account_id: UUID) -> UnitMember:
    """Takes a grid worker of the unit's area into it. Locks the unit.

    Raises NotFound, Forbidden, ValidationFailed for who is no grid worker there, AlreadyExists for who belongs to a unit already.
    """
    unit = await queries.access_administered(session, principal=principal, unit_id=unit_id)
    if not await _works_there(session, account_id, unit.area_path):
        raise errors.no_such_worker()
    made = await session.exec(
        insert(UnitMember)
        .values(id=new_id(), unit_id=unit.id, account_id=account_id)
        .on_conflict_do_nothing(index_elements=["account_id"], index_where=sa.text("until is null"))
        .returning(UnitMember)
    )
    row: UnitMember | None = made.scalars().first()
    if row is None:
        raise AlreadyExists("该网格员已属于一个责任单位，请先移出")
    await _record(session, "unit.add_member", "unit", unit, member_id=str(row.id), account_id=str(account_id))
    return row


async def _works_there(session: AsyncSession, account_id: UUID, area_path: str) -> bool:
    """Holds the account, which is locked, the grant of a grid worker in the area, or above it?"""
    try:
        account = await auth_queries.lock_account(session, account_id)
    except NotFound:
        return False
    grants = await auth_queries.grants_of(session, account_id=account_id)
    return account.status is AccountStatus.ACTIVE and any(
        grant.role is Role.GRID_WORKER and grant.scope_type is ScopeType.AREA and grant.area_path is not None
        and workflow.on_one_line(grant.area_path, area_path)
        for grant in grants
    )


async def end_member(session: AsyncSession, *, principal: Principal, unit_id: UUID, member_id: UUID) -> None:
    """From now on the worker does not belong to the unit; what they have in hand stays theirs. Raises NotFound, Forbidden."""
    unit = await queries.access_administered(session, principal=principal, unit_id=unit_id)
    row = await queries.lock_member(session, unit_id=unit.id, member_id=member_id)
    row.until = (await session.exec(sa.select(CLOCK))).scalar_one()
    session.add(row)
    await session.flush()
    await _record(session, "unit.end_member", "unit", unit, member_id=str(row.id), account_id=str(row.account_id))


async def add_rule(session: AsyncSession, *, principal: Principal, told: RuleIn) -> RoutingRule:
    """Raises NotFound, Forbidden as `create` does, ValidationFailed for a unit, a category or days that do not fit, AlreadyExists."""
    area = await _administered_area(session, principal, told.area_id)
    await _expect_category(session, told.category_code)
    await _expect_unit(session, principal, told.unit_id, area.path)
    since = told.valid_from or (await session.exec(sa.select(queries_rules.TODAY))).scalar_one()
    if told.valid_until is not None and told.valid_until < since:
        raise errors.order_of_days()
    made = await session.exec(
        insert(RoutingRule)
        .values(
            id=new_id(), area_id=area.id, area_path=area.path, valid_from=since, active=True, version=1,
            **told.model_dump(include={"category_code", "unit_id", "priority", "valid_until"}),
        )
        .on_conflict_do_nothing(
            index_elements=["area_id", "category_code", "priority", "valid_from"], index_where=sa.text("active")
        )
        .returning(RoutingRule)
    )
    rule: RoutingRule | None = made.scalars().first()
    if rule is None:
        raise AlreadyExists(TWIN)
    await _record(session, "routing_rule.create", "routing_rule", rule, **_facts(rule))
    return rule


async def update_rule(
    session: AsyncSession, *, principal: Principal, rule_id: UUID, seen: int | None, fields: Mapping[str, Any]
) -> RoutingRule:
    """Changes what is given. Raises as `add_rule`, and VersionMismatch."""
    rule = await queries_rules.access_administered(session, principal=principal, rule_id=rule_id)
    if "unit_id" in fields:
        await _expect_unit(session, principal, fields["unit_id"], rule.area_path)
    expect_version(seen, rule.version)
    for name, value in fields.items():
        setattr(rule, name, value)
    if rule.valid_until is not None and rule.valid_until < rule.valid_from:
        raise errors.order_of_days()
    if rule.active and await queries_rules.twin(session, rule):
        raise AlreadyExists(TWIN)
    rule.version += 1
    session.add(rule)
    await session.flush()
    await _record(session, "routing_rule.update", "routing_rule", rule, **_facts(rule))
    return rule


async def delete_rule(session: AsyncSession, *, principal: Principal, rule_id: UUID, seen: int | None) -> None:
    """Takes a rule back. Its row stays; one that is not in use stays so, without another event."""
    rule = await queries_rules.access_administered(session, principal=principal, rule_id=rule_id)
    expect_version(seen, rule.version)
    if not rule.active:
        return
    rule.active = False
    rule.version += 1
    session.add(rule)
    await session.flush()
    await _record(session, "routing_rule.delete", "routing_rule", rule, **_facts(rule))


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Whoever is erased belongs to no unit any more. That somebody did stays; the account id leads to nobody."""
    await session.exec(
        sa.update(UnitMember).where(col(UnitMember.account_id) == member_id, queries.NOW_IN).values(until=CLOCK)
        .execution_options(synchronize_session=False)
    )


async def _administered_area(session: AsyncSession, principal: Principal, area_id: UUID) -> Area:
    """Raises NotFound, Forbidden: areas are public."""
    area = await areas_queries.get(session, area_id)
    if not workflow.administers(principal, area.path):
        raise Forbidden
    return area


async def _expect_category(session: AsyncSession, code: str | None) -> None:
    """Raises ValidationFailed for a category that there is not, or not any more."""
    category = await categories_queries.get(session, code)
    if code is not None and (category is None or not category.active):
        raise errors.no_such_category()


async def _expect_unit(session: AsyncSession, principal: Principal, unit_id: UUID, area_path: str) -> None:
    """Raises ValidationFailed as `workflow.require_unit`."""
    workflow.require_unit(principal, (await queries.by_ids(session, [unit_id])).get(unit_id), area_path)


def _facts(rule: RoutingRule) -> dict[str, Any]:
    """A rule as a version of itself: the trail tells what it said at any time."""
    return {
        "category_code": rule.category_code, "area_id": str(rule.area_id), "unit_id": str(rule.unit_id), "priority": rule.priority,
        "valid_from": rule.valid_from.isoformat(), "valid_until": rule.valid_until.isoformat() if rule.valid_until else None,
        "active": rule.active, "version": rule.version,
    }


async def _record(session: AsyncSession, action: str, kind: str, row: Unit | RoutingRule, **facts: Any) -> None:
    audit_service.record(session, action, object_kind=kind, object_id=row.id, area_path=row.area_path, **facts)
    await session.flush()
