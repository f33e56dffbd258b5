"""What stands beside a report on an official's desk: the unit that answers for it, and the colleague who is at work on its review."""

from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.reports import queries_claims, views_eyes
from app.reports.models import ReportClaim
from app.reports.queries_lines import Line


def beside(session: AsyncSession, principal: Principal, line: Line) -> dict[str, Any]:
    """Its unit, for staff, and its claim, for those who review or administer."""
    report, staff = line.report, views_eyes.staff(principal, line)
    reviews = staff and principal.covers(report.area_path, Role.REVIEWER, Role.AREA_ADMIN)
    return {
        "unit": {"id": report.unit_id, "name": line.row["unit"]} if staff and report.unit_id else None,
        "claim": _claimed(session, principal, line) if reviews else None,
    }


def _claimed(session: AsyncSession, principal: Principal, line: Line) -> dict[str, Any] | None:
    by = line.called(session, "claimer")
    return by and {"by": by, "until": line.row["claimed_until"], "mine": by["id"] == principal.account_id}


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
