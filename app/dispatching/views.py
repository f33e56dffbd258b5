"""Suggestions as answers."""

from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.dispatching import queries, ranking
from app.errors import Forbidden
from app.members import queries as members_queries
from app.reports import queries as reports_queries
from app.reports.words import ActorRole
from app.schemas import named
from app.units import queries as units_queries
from app.units import queries_rules


async def suggestions(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """Whom the reviewer could name. Raises NotFound, Forbidden for who does not review the report."""
    seen = await reports_queries.access(session, principal=principal, report_id=report_id)
    if ActorRole.REVIEWER not in seen.parts(principal):
        raise Forbidden
    routed = await queries_rules.routed(session, category_code=seen.report.category_code, area_path=seen.report.area_path)
    unit = routed.unit if routed else None
    best = ranking.ranked(await queries.workers(session, seen.report), unit.id if unit else None)
    names = await members_queries.called(session, {one.account_id for one in best})
    units = await units_queries.by_ids(session, {one.unit_id for one in best})
    return {
        "unit": named(unit), "rule": {"id": routed.rule_id, "why": routed.why} if routed else None,
        "assignees": [
            {
                "id": one.account_id, "name": names[one.account_id], "open_cases": one.open_cases, "same_grid": one.same_grid,
                "reasons": ranking.reasons(one, unit.id if unit else None, unit.name if unit else None),
                "unit": named(units[one.unit_id]) if one.unit_id else None,
            }
            for one in best
        ],
    }
