"""Which rules hold for a caller, and who may change them."""

from datetime import date
from uuid import UUID

from app import clock
from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed
from app.members import queries as members_queries
from app.points import queries_rules, service, workflow_rules
from app.points.models import PointsRule
from app.points.schemas_rules import RuleIn


async def for_caller(session: AsyncSession, *, principal: Principal) -> list[PointsRule]:
    """The rules in force today where the caller works."""
    area = await members_queries.area_of(session, member_id=principal.account_id)
    return list(await queries_rules.rules(session, area_path=area[1] if area else "", on=clock.today()))


async def change(session: AsyncSession, *, principal: Principal, code: str, told: RuleIn) -> PointsRule:
    """Adds a version. Raises what `draft` raises."""
    return await service.change_rule(session, draft=await draft(session, principal=principal, code=code, told=told))


async def draft(session: AsyncSession, *, principal: Principal, code: str, told: RuleIn) -> PointsRule:
    """The version that a change would make, without its number: what is left out stays as it is where and when the change holds.

    Raises NotFound for an unknown code or area, Forbidden, ValidationFailed for days that are over, a turned sign, half a stop.
    """
    await queries_rules.latest_rule(session, code=code)
    area_path = await governed(session, principal, told.area_id)
    since = first_day(told.valid_from, told.valid_until)
    known = await queries_rules.rule_in_force(session, code=code, area_path=area_path or "", on=since)
    known = known or await queries_rules.latest_rule(session, code=code, area_path=area_path or "")
    changed = told.conditions.model_dump(exclude_unset=True) if told.conditions else {}
    rule = PointsRule(
        code=code, version=known.version, title=known.title, area_path=area_path, valid_from=since, valid_until=told.valid_until,
        made_by=principal.account_id, points_max=known.points_max if told.points_max is None else told.points_max,
        conditions=workflow_rules.merged(known.conditions, changed),
        **told.model_dump(include={"points", "per_day", "per_week", "per_month", "per_year"}),
    )
    _require_sense(known, rule)
    return rule


async def governed(session: AsyncSession, principal: Principal, area_id: UUID | None) -> str | None:
    """The path that a change is for, null for the platform, whose administrator it takes; an area takes one of it or above.

    Raises NotFound for an unknown area, Forbidden.
    """
    area_path = None if area_id is None else (await areas_queries.get(session, area_id)).path
    whole = area_path is None and principal.has(Role.PLATFORM_ADMIN)
    if not whole and (area_path is None or not principal.covers(area_path, Role.AREA_ADMIN)):
        raise Forbidden
    return area_path


def first_day(valid_from: date | None, valid_until: date | None) -> date:
    """Today, unless a later day is told: what has begun is not rewritten. Raises ValidationFailed."""
    today = clock.today()
    since = valid_from or today
    if since < today:
        raise ValidationFailed.of("body", "valid_from", msg="不能早于今天", kind="past")
    if valid_until is not None and valid_until < since:
        raise ValidationFailed.of("body", "valid_until", msg="不能早于生效日", kind="order")
    return since


def _require_sense(known: PointsRule, rule: PointsRule) -> None:
    if (rule.points > 0) != (known.points > 0):
        raise ValidationFailed.of("body", "points", msg="不能改变加分或扣分的方向", kind="sign")
    if known.points_max is None and rule.points_max is not None:
        raise ValidationFailed.of("body", "points_max", msg="该规则的分值是固定的", kind="fixed")
    if rule.points_max is not None and rule.points_max < rule.points:
        raise ValidationFailed.of("body", "points_max", msg="不能低于最低分值", kind="range")
    if not workflow_rules.whole_stop(rule.conditions):
        raise ValidationFailed.of("body", "conditions", msg="累计次数、累计天数和暂停天数须同时填写", kind="stop")
