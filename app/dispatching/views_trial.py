"""The answer to a dry run of routing rules. Nothing is written."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.categories import queries as categories_queries
from app.db.base import new_id
from app.db.session import AsyncSession
from app.dispatching import queries_trial, trial
from app.dispatching.schemas_trial import DryRunIn, TrialRule
from app.dispatching.trial import Outcome
from app.errors import Forbidden, NotFound
from app.schemas import named
from app.units import errors as units_errors
from app.units import queries as units_queries
from app.units import queries_rules
from app.units import workflow as units_workflow
from app.units.models import Unit
from app.units.workflow import Rule


async def dry_run(session: AsyncSession, principal: Principal, told: DryRunIn) -> dict[str, Any]:
    """Raises Forbidden for who administers no area, or not that of a rule; NotFound and ValidationFailed as a real rule would."""
    if not principal.has(Role.AREA_ADMIN):
        raise Forbidden
    parents = await categories_queries.parents(session)
    proposed = await _as_said(session, principal, told.rules, parents)
    today = await queries_rules.in_force(session, principal=principal)
    then = trial.replaced(today, proposed, told.without)
    first, last = _days(told)
    heaps = await queries_trial.heaps(session, principal=principal, first=first, last=last)
    found = trial.run(heaps, parents, today=today, then=then)
    units = await units_queries.by_ids(session, found.now.keys() | found.then.keys())
    return {"from": first, "to": last} | _shown(found, units)


async def _as_said(
    session: AsyncSession, principal: Principal, told: Sequence[TrialRule], parents: Mapping[str, str | None]
) -> list[Rule]:
    """Rules as they would be made, checked as they would be then; in two statements however many they are."""
    areas = await areas_queries.by_ids(session, {one.area_id for one in told})
    units = await units_queries.by_ids(session, {one.unit_id for one in told})
    found = []
    for one in told:
        area = areas.get(one.area_id)
        if area is None:
            raise NotFound
        if not units_workflow.administers(principal, area.path):
            raise Forbidden
        if one.category_code is not None and one.category_code not in parents:
            raise units_errors.no_such_category()
        units_workflow.require_unit(principal, units.get(one.unit_id), area.path)
        found.append(Rule(new_id(), one.category_code, area.path, one.unit_id, one.priority))
    return found


def _days(told: DryRunIn) -> tuple[date, date]:
    if told.first is not None and told.last is not None:
        return told.first, told.last
    last = clock.month_start(clock.today()) - timedelta(days=1)
    return clock.month_start(last), last


def _shown(found: Outcome, units: dict[UUID, Unit]) -> dict[str, Any]:
    fullest = sorted(units, key=lambda one: (-found.then[one], -found.now[one], one))
    return {
        "cases": found.cases, "changed": found.changed, "unmatched": found.unmatched,
        "by_unit": [{"unit": named(units[one]), "now": found.now[one], "then": found.then[one]} for one in fullest],
        "examples": [
            {"number": number, "now": named(units[was]) if was else None, "then": named(units[would]) if would else None}
            for number, was, would in found.examples
        ],
    }
