"""SELECTs of routing rules: lists, one under its lock, and which of them counts for a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.categories.models import ReportCategory
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.units import workflow
from app.units.models import RoutingRule, Unit
from app.units.queries import expect_reader, under, visible

TODAY: sa.ColumnElement[date] = sa.cast(sa.func.timezone("Asia/Shanghai", sa.func.clock_timestamp()), sa.Date)
IN_FORCE = (
    col(RoutingRule.active), col(Unit.active), col(RoutingRule.valid_from) <= TODAY,
    sa.or_(col(RoutingRule.valid_until).is_(None), col(RoutingRule.valid_until) >= TODAY),
)


@dataclass(frozen=True, slots=True)
class Routed:
    """The unit that a rule leads to, and the rule as a sentence."""

    unit: Unit
    rule_id: UUID
    why: str


async def rules(
    session: AsyncSession, *, principal: Principal, area_id: UUID | None, category_code: str | None, unit_id: UUID | None,
    active: bool | None, limit: int, after: UUID | None,
) -> Sequence[RoutingRule]:
    """Newest first, one more than `limit`. Raises Forbidden, NotFound for an unknown area."""
    expect_reader(principal)
    asked = sa.select(RoutingRule).where(
        visible(RoutingRule.area_path, principal), await under(session, RoutingRule.area_path, area_id)
    )
    if category_code is not None:
        asked = asked.where(col(RoutingRule.category_code) == category_code)
    if unit_id is not None:
        asked = asked.where(col(RoutingRule.unit_id) == unit_id)
    if active is not None:
        asked = asked.where(col(RoutingRule.active).is_(active))
    if after is not None:
        asked = asked.where(col(RoutingRule.id) < after)
    found = await session.exec(asked.order_by(col(RoutingRule.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def access_administered(session: AsyncSession, *, principal: Principal, rule_id: UUID) -> RoutingRule:
    """Locks a rule for a change. Raises NotFound, Forbidden for who reads it only."""
    found = await session.exec(
        sa.select(RoutingRule).where(col(RoutingRule.id) == rule_id).with_for_update().execution_options(populate_existing=True)
    )
    rule: RoutingRule | None = found.scalars().first()
    if rule is None or not workflow.sees(principal, rule.area_path):
        raise NotFound
    if not workflow.administers(principal, rule.area_path):
        raise Forbidden
    return rule


async def twin(session: AsyncSession, rule: RoutingRule) -> bool:
    """Is there another rule in use of the same area, category, priority and first day?"""
    with session.no_autoflush:
        found = await session.exec(
            sa.select(sa.literal(1)).where(
                col(RoutingRule.active), col(RoutingRule.id) != rule.id, col(RoutingRule.area_id) == rule.area_id,
                col(RoutingRule.category_code).is_not_distinct_from(rule.category_code),
                col(RoutingRule.priority) == rule.priority, col(RoutingRule.valid_from) == rule.valid_from,
            )
        )
    return found.first() is not None


async def in_force(session: AsyncSession, *, principal: Principal) -> list[workflow.Rule]:
    """Every rule of today that the caller may read."""
    found = await session.exec(
        sa.select(RoutingRule).join(Unit, col(Unit.id) == col(RoutingRule.unit_id))
        .where(visible(RoutingRule.area_path, principal), *IN_FORCE)
    )
    return [said(rule) for rule in found.scalars().all()]


async def routed(session: AsyncSession, *, category_code: str | None, area_path: str) -> Routed | None:
    """Where today's rules lead a report of this category at this place. A county without rules costs one statement."""
    found = await session.exec(
        sa.select(RoutingRule, Unit, col(Area.name), col(ReportCategory.name))
        .join(Unit, col(Unit.id) == col(RoutingRule.unit_id))
        .join(Area, col(Area.id) == col(RoutingRule.area_id))
        .outerjoin(ReportCategory, col(ReportCategory.code) == col(RoutingRule.category_code))
        .where(col(RoutingRule.area_path).in_(workflow.lineage(area_path)), *IN_FORCE)
    )
    known = {rule.id: (rule, unit, area, category) for rule, unit, area, category in found.all()}
    if not known:
        return None
    categories = workflow.chain(await categories_queries.parents(session), category_code)
    best = workflow.match([said(rule) for rule, *_ in known.values()], categories, area_path)
    if best is None:
        return None
    _, unit, area, category = known[best.id]
    return Routed(unit, best.id, workflow.why(area=area, category=category, unit=unit.name))


def said(rule: RoutingRule) -> workflow.Rule:
    return workflow.Rule(rule.id, rule.category_code, rule.area_path, rule.unit_id, rule.priority)
