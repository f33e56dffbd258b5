"""Whom an award that people decide is for: the reporter of a report, somebody registered with an organisation, a person of an area."""

from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import Conflict, Forbidden, NotFound, ValidationFailed
from app.organisations import queries as organisations_queries
from app.points import merits
from app.points.ledger import Reference
from app.points.merits import Subject
from app.points.schemas_awards import AwardIn
from app.points.workflow_conditions import About, ByPeople, ReportWas
from app.registrations import queries as registrations_queries
from app.registrations.models import Status as Registered
from app.reports import queries
from app.reports.words import Status

UNJUDGED = (Status.SUBMITTED, Status.WITHDRAWN)
TAKEN_IN = (Registered.ACTIVE, Registered.APPROVED)


async def propose_award(session: AsyncSession, *, principal: Principal, told: AwardIn) -> dict[str, Any]:
    """Asks for an award about what the caller may see.

    Raises ValidationFailed when the rule is about something else, NotFound, Forbidden, Conflict for a report that is not judged yet, and
    what `merits.propose` raises.
    """
    terms = await merits.terms_of(session, rule_code=told.rule_code)
    if (told.report_id is not None) != (terms.about is About.REPORT):
        field = "report_id" if terms.about is About.REPORT else "member_id"
        raise ValidationFailed.of("body", field, msg="该规则须填写这一项", kind="missing")
    subject = await _subject(session, principal, told, terms)
    asked = merits.Asked(told.rule_code, told.points, told.reason, told.upload_id, told.occurred_on)
    made = await merits.propose(session, principal=principal, subject=subject, terms=terms, asked=asked)
    return await merits.shown_one(session, principal=principal, proposal=made)


async def _subject(session: AsyncSession, principal: Principal, told: AwardIn, terms: ByPeople) -> Subject:
    if told.report_id is not None:
        return await _reporter(session, principal, told.report_id, terms)
    assert told.member_id is not None
    if terms.about is About.ORGANISATION:
        return await _of_organisation(session, principal, told.member_id)
    return await merits.person(session, principal=principal, member_id=told.member_id, terms=terms)


async def _reporter(session: AsyncSession, principal: Principal, report_id: UUID, terms: ByPeople) -> Subject:
    """Raises NotFound, Forbidden for whoever joined the report or may not ask about it, Conflict."""
    seen = await queries.access(session, principal=principal, report_id=report_id)
    report = seen.report
    if seen.joined:
        raise Forbidden("您也是该上报的关联人")
    subject = Subject(report.member_id, report.area_path, report=Reference("report", report.id, report.number))
    merits.require_office(principal, subject=subject, terms=terms)  # what the report has come to is told to those alone who may ask
    if terms.report_was is ReportWas.ACCEPTED and report.accepted_rule is None:
        raise Conflict("该上报未被受理")
    if terms.report_was is ReportWas.JUDGED and report.status in UNJUDGED:
        raise Conflict("该上报尚未审核，或已由上报人撤回")
    return subject


async def _of_organisation(session: AsyncSession, principal: Principal, member_id: UUID) -> Subject:
    """Whoever was taken in by an organisation of the caller's own. Raises NotFound for everybody else, members of others too."""
    row = await registrations_queries.open_of(session, member_id=member_id)
    own = principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY, Role.INSTRUCTOR)
    if row is None or row.status not in TAKEN_IN or row.organisation_id not in own:
        raise NotFound
    organisation = await organisations_queries.get(session, row.organisation_id)
    return Subject(member_id, organisation.area_path, organisation_id=organisation.id)
