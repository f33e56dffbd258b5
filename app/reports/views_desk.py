"""What stands beside a report on an official's desk: the unit that answers for it, and the colleague who is at work on its review."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.reports import queries_claims, views_eyes
from app.reports.models import ReportClaim
from app.reports.queries import Seen
from app.schemas import named
from app.units import queries as units_queries


async def beside(session: AsyncSession, principal: Principal, rows: Sequence[Seen]) -> list[dict[str, Any]]:
    """For each report its unit, for staff, and its claim, for those who review or administer. At most four statements."""
    units = await units_queries.by_ids(session, {seen.report.unit_id for seen in rows if views_eyes.staff(principal, seen)})
    claims = await queries_claims.live(session, [seen.report.id for seen in rows if _reviews(principal, seen)])
    names = await members_queries.called(session, {claim.account_id for claim in claims.values()}) if claims else {}
    return [
        {
            "unit": named(units.get(seen.report.unit_id)) if seen.report.unit_id else None,
            "claim": _claim(principal, claims.get(seen.report.id), names),
        }
        for seen in rows
    ]


def _reviews(principal: Principal, seen: Seen) -> bool:
    return views_eyes.staff(principal, seen) and principal.covers(seen.report.area_path, Role.REVIEWER, Role.AREA_ADMIN)


def _claim(principal: Principal, claim: ReportClaim | None, names: dict[UUID, str]) -> dict[str, Any] | None:
    if claim is None:
        return None
    return {
        "by": {"id": claim.account_id, "name": names[claim.account_id]}, "until": claim.until,
        "mine": claim.account_id == principal.account_id,
    }


async def claim(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any] | None:
    """The claim of one report, of which the caller knows that it may be seen."""
    claims = await queries_claims.live(session, [report_id])
    names = await members_queries.called(session, {one.account_id for one in claims.values()})
    return _claim(principal, claims.get(report_id), names)
