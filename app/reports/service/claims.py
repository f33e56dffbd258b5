"""正在审核: a reviewer tells colleagues that they are at work on a report. It holds nobody off, and any command of another ends it."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Conflict, Forbidden, InvalidTransition
from app.members import queries as members_queries
from app.reports import queries, queries_claims, workflow
from app.reports.models import Report, ReportClaim
from app.reports.words import ActorRole

HELD = timedelta(minutes=30)


async def claim(session: AsyncSession, *, principal: Principal, report_id: UUID) -> None:
    """For 30 minutes from now, by the database's clock; one's own is prolonged.

    Raises NotFound, Forbidden for who does not review it, InvalidTransition once it has ended, Conflict while a colleague's lasts.
    """
    report = await _reviewed(session, principal, report_id)
    if report.status not in workflow.OPEN:
        raise InvalidTransition(state=report.status.value, allowed=[])
    mine, held = principal.account_id, queries.CLOCK + HELD
    made = await session.exec(
        insert(ReportClaim)
        .values(report_id=report_id, account_id=mine, until=held)
        .on_conflict_do_update(
            index_elements=["report_id"], set_={"account_id": mine, "until": held},
            where=sa.or_(col(ReportClaim.account_id) == mine, col(ReportClaim.until) <= queries.CLOCK),
        )
        .returning(col(ReportClaim.report_id))
    )
    if made.first() is None:
        raise await _taken(session, report_id)
    _record(session, "report.claim", report)


async def unclaim(session: AsyncSession, *, principal: Principal, report_id: UUID) -> None:
    """Ends the own claim; nothing when there is none. Raises NotFound, Forbidden for who does not review it."""
    report = await _reviewed(session, principal, report_id)
    gone = await session.exec(
        sa.delete(ReportClaim).where(col(ReportClaim.report_id) == report_id, col(ReportClaim.account_id) == principal.account_id)
    )
    if gone.rowcount:
        _record(session, "report.unclaim", report)


async def _reviewed(session: AsyncSession, principal: Principal, report_id: UUID) -> Report:
    seen = await queries.access(session, principal=principal, report_id=report_id)
    if ActorRole.REVIEWER not in seen.parts(principal):
        raise Forbidden
    return seen.report


async def _taken(session: AsyncSession, report_id: UUID) -> Conflict:
    """Who has it, for the one who came later; it may be over by now."""
    held = (await queries_claims.live(session, [report_id])).get(report_id)
    if held is None:
        return Conflict("刚刚有同事在审核，请重试")
    names = await members_queries.called(session, [held.account_id])
    name = names[held.account_id]
    return Conflict(f"{name}正在审核", claimed_by={"id": held.account_id, "name": name}, until=held.until)


def _record(session: AsyncSession, action: str, report: Report) -> None:
    audit_service.record(session, action, object_kind="report", object_id=report.id, area_path=report.area_path)
