"""A report's person and place as one caller may see them."""

from typing import Any
from uuid import UUID

from app.areas.schemas import place_out
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members import masking, queries_naming
from app.reports import eyes, queries, workflow
from app.reports.eyes import Eyes, Name
from app.reports.models import Report
from app.reports.queries_lines import Line
from app.reports.sights import Near, Outline, Sight


def staff(principal: Principal, seen: Sight) -> bool:
    """Looks the caller at the report as an official? Whoever reported or joined it does not, whatever grants they hold."""
    own = seen.joined or seen.report.member_id == principal.account_id
    return not own and principal.covers(seen.report.area_path, *workflow.STAFF)


def shows(principal: Principal, seen: Sight, *, sender: UUID | None, passed: bool, risky: bool) -> bool:
    """May the caller, who sees the report, see a photo of it? Until it has passed, it is for its sender, the filer and officials.

    A risky one is for its sender and for those who decide about it.
    """
    report, me = seen.report, principal.account_id
    if passed or sender == me:
        return True
    if risky:
        return staff(principal, seen) and workflow.handles(principal, member_id=report.member_id, area_path=report.area_path)
    return report.member_id == me or staff(principal, seen)


async def may_see_unpassed(session: AsyncSession, principal: Principal, report_id: UUID, risky: bool) -> bool:
    """For photos that have not passed the content check; their senders do not ask here."""
    try:
        seen = await queries.access(session, principal=principal, report_id=report_id)
    except NotFound:
        return False
    return shows(principal, seen, sender=None, passed=False, risky=risky)


def of(principal: Principal, seen: Sight, *, guarded: bool = False) -> Eyes:
    """`guarded`: the report's category keeps exact places from strangers, and so from whoever joined."""
    report = seen.report
    if report.member_id == principal.account_id:
        return eyes.REPORTER
    if seen.joined:
        return eyes.BLIND if guarded else eyes.REPORTER
    return eyes.official(principal, area_path=report.area_path, assigned=report.assignee_id == principal.account_id)


def exact(principal: Principal, line: Line) -> bool:
    """Does the caller see the exact place?"""
    return of(principal, line, guarded=line.row["guarded"]).place.at(is_open=line.report.ended_at is None)


def may_reveal(principal: Principal, seen: Sight) -> bool:
    return of(principal, seen).reveal.at(is_open=seen.report.ended_at is None)


def place(report: Report | Outline | Near, *, exact: bool) -> dict[str, Any] | None:
    return place_out(*eyes.point(report.lng, report.lat, exact=exact), report.accuracy_m if exact else None)


async def reporter(session: AsyncSession, principal: Principal, line: Line) -> dict[str, Any] | None:
    """For officials alone. The account itself is told to nobody: a reveal is asked for by the report."""
    if not staff(principal, line):
        return None
    member_id, looking = line.report.member_id, of(principal, line)
    name = queries_naming.real_name(session, member_id, line.row["reporter_name"]) if looking.name else None
    return {
        "alias": queries_naming.alias(member_id, erased=line.row["reporter_erased"]),
        "name": masking.mask_name(name) if name and looking.name is Name.FAMILY else name,
        "phone": await auth_queries.masked_phone(session, account_id=member_id) if looking.phone else None,
        "may_reveal": may_reveal(principal, line),
    }
