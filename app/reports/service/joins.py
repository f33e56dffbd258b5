"""Several people and one problem: joining, merging, and taking a merge apart. Two reports are locked in the order of their ids."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.auth.principal import Principal
from app.auth.roles import Role
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, InvalidTransition, NotFound
from app.reports import errors, queries, queries_merges, workflow
from app.reports.models import Report, ReportJoin
from app.reports.service import case as cases
from app.reports.service import paying
from app.reports.service.case import Case
from app.reports.words import ActorRole, Status
from app.reports.workflow import Command


async def join(session: AsyncSession, *, principal: Principal, report_id: UUID) -> None:
    """Joins an open report of somebody else, which thereby becomes readable. Raises NotFound, AlreadyExists, InvalidTransition."""
    async with acting.serving(session, Reason.JOIN):
        found = await queries.seen_locked(session, report_id=report_id, caller=principal.account_id)
    if found is None or not (found.visible(principal) or found.report.status in workflow.OPEN):
        raise NotFound
    report, me = found.report, principal.account_id
    if found.joined or report.member_id == me:
        raise AlreadyExists("您已经上报或加入过")
    if report.status not in workflow.OPEN:
        raise InvalidTransition(state=report.status.value, allowed=workflow.allowed(found.parts(principal), found.facts(me)))
    session.add(ReportJoin(report_id=report.id, member_id=me))
    await session.flush()  # from here on they see it
    case = Case(report, Command.MERGE, ActorRole.JOINED_REPORTER, me, None, found.now)
    cases.log(session, case, before=report.status, note_id=None, upload_ids=(), facts={}, command="join")
    await session.flush()
    await paying.joined(session, report)


async def merge(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, into_id: UUID) -> None:
    """合并: all reporters of the one join the other and hear of it from now on; what was merged into it before goes along.

    Raises ValidationFailed for itself, NotFound for another outside the caller's scope, Conflict for one that is not open.
    """
    rows = await queries_merges.lock_family(session, report_id, into_id)
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.MERGE, seen=seen)
    if into_id == report_id:
        raise errors.into_itself()
    into, report = rows.get(into_id), case.report
    if into is None or not principal.covers(into.area_path, Role.REVIEWER):
        raise NotFound("没有找到要并入的上报")
    if into.status not in workflow.OPEN:
        raise Conflict("要并入的上报已经结束")
    await acting.as_service(session, Reason.MERGE)
    report.merged_into = into.id
    await cases.move(session, case, Status.MERGED, into_id=str(into.id))
    await session.exec(sa.update(Report).where(col(Report.merged_into) == report.id).values(merged_into=into.id))
    await _gather(session, into)
    _note(session, case, into, "join")
    await paying.joined(session, into)


async def _gather(session: AsyncSession, into: Report) -> None:
    """Whoever reports by something that is merged into the report joins it. Who did so by hand stays as they came."""
    for person in await queries_merges.people(session, into=into):
        await session.exec(
            insert(ReportJoin)
            .values(
                id=new_id(), report_id=into.id, member_id=person.member_id, merged_from=person.merged_from, created_at=person.reported_at
            )
            .on_conflict_do_nothing(index_elements=["report_id", "member_id"])
        )


def _note(session: AsyncSession, case: Case, into: Report, command: str) -> None:
    """The other report's timeline tells too that its reporters became more or fewer."""
    told = Case(into, case.command, case.actor, case.actor_id, None, case.now)
    cases.log(
        session, told, before=into.status, note_id=None, upload_ids=(), facts={"report_id": str(case.report.id)}, command=command
    )


async def unmerge(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason: str) -> None:
    """Takes a merge apart until the other is dispatched: the report goes back to review, its reporters leave the other."""
    await queries_merges.lock_family(session, report_id)
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.UNMERGE, seen=seen)
    await _part(session, case, reason)


async def release(session: AsyncSession, *, into: Report) -> None:
    """Sends what was merged into a withdrawn report back to review, with what came along. The caller holds all these rows."""
    await acting.as_service(session, Reason.MERGE)
    history = await queries_merges.history(session, into_id=into.id)
    for report_id in sorted(history, key=lambda one: (history[one] != into.id, one)):
        case = await cases.take_alone(session, report_id=report_id, command=Command.UNMERGE)
        if case is not None and case.report.merged_into == into.id:
            await _part(session, case, None)


async def _part(session: AsyncSession, case: Case, reason: str | None) -> None:
    """What was merged into the report before follows it out again. The other report has yet to be dispatched, and so has this one anew."""
    report = case.report
    await acting.as_service(session, Reason.MERGE)
    into = await session.get_one(Report, report.merged_into)
    branch = await queries_merges.branch(session, report)
    leaving = {report.id, *branch}
    await session.exec(sa.update(Report).where(col(Report.id).in_(branch)).values(merged_into=report.id))
    await session.exec(
        sa.delete(ReportJoin).where(col(ReportJoin.merged_from).in_(leaving), col(ReportJoin.report_id).not_in(leaving))
    )
    report.merged_into = report.dispatched_at = None
    await cases.move(session, case, Status.SUBMITTED, note=reason, into_id=str(into.id))
    await _gather(session, into)  # who reported it a second time, by what is still merged, stays
    _note(session, case, into, "leave")
