"""Rows of units and routing rules as answers."""

from collections.abc import Sequence

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.schemas import named
from app.units import queries, workflow
from app.units.models import RoutingRule, Unit, UnitMember
from app.units.schemas import MemberOut, RuleOut, UnitOut


async def units(session: AsyncSession, principal: Principal, rows: Sequence[Unit]) -> list[UnitOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    sizes = await queries.sizes(session, {row.id for row in rows})
    return [
        UnitOut.model_validate(
            {
                "id": row.id, "name": row.name, "kind": row.kind, "area": named(areas[row.area_id]), "phone": row.phone,
                "members": sizes.get(row.id, 0), "active": row.active, "version": row.version,
                "allowed": [workflow.UPDATE] if workflow.administers(principal, row.area_path) else [],
            }
        )
        for row in rows
    ]


async def unit(session: AsyncSession, principal: Principal, row: Unit) -> UnitOut:
    return (await units(session, principal, [row]))[0]


async def members(session: AsyncSession, principal: Principal, of: Unit, rows: Sequence[UnitMember]) -> list[MemberOut]:
    names = await members_queries.called(session, {row.account_id for row in rows})
    may_end = workflow.administers(principal, of.area_path)
    return [
        MemberOut.model_validate(
            {
                "id": row.id, "account_id": row.account_id, "name": names[row.account_id], "since": row.created_at, "until": row.until,
                "allowed": [workflow.END] if may_end and row.until is None else [],
            }
        )
        for row in rows
    ]


async def rules(session: AsyncSession, principal: Principal, rows: Sequence[RoutingRule]) -> list[RuleOut]:
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    targets = await queries.by_ids(session, {row.unit_id for row in rows})
    names = await categories_queries.names(session, {row.category_code for row in rows})
    return [
        RuleOut.model_validate(
            {
                "id": row.id, "area": named(areas[row.area_id]), "unit": named(targets[row.unit_id]), "priority": row.priority,
                "category": {"code": row.category_code, "name": names[row.category_code]} if row.category_code else None,
                "valid_from": row.valid_from, "valid_until": row.valid_until, "active": row.active, "version": row.version,
                "allowed": _allowed(principal, row),
            }
        )
        for row in rows
    ]


async def rule(session: AsyncSession, principal: Principal, row: RoutingRule) -> RuleOut:
    return (await rules(session, principal, [row]))[0]


def _allowed(principal: Principal, row: RoutingRule) -> list[str]:
    if not workflow.administers(principal, row.area_path):
        return []
    return [workflow.UPDATE, workflow.DELETE] if row.active else [workflow.UPDATE]
