"""The reporters' verdict: satisfied or not, reopening; closing and its bonus."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import InvalidTransition, LimitReached
from app.reports import queries, workflow
from app.reports.service import case as cases
from app.reports.service import paying, telling
from app.reports.service.case import Case
from app.reports.words import ActorRole, Status
from app.reports.workflow import Command
from app.uploads import service as uploads_service


async def feedback(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, satisfied: bool, rating: int | None,
    comment: str | None,
) -> None:
    """The filer's yes closes, a joiner's yes is noted, anybody's no disputes at once."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.FEEDBACK, seen=seen)
    facts: dict[str, Any] = {"satisfied": satisfied, "rating": rating}
    if case.actor is ActorRole.JOINED_REPORTER:
        own = await queries.own_join(session, report_id=report_id, member_id=principal.account_id)
        assert own is not None
        own.satisfied, own.rating = satisfied, rating
        session.add(own)
    else:
        case.report.satisfied, case.report.rating = satisfied, rating
    if not satisfied:
        await cases.move(session, case, Status.DISPUTED, note=comment, **facts)
        await telling.reviewers(session, case.report, title="上报人不满意", body="请研判是否返工。")
    elif case.actor is ActorRole.REPORTER:
        await close(session, case, note=comment, **facts)
    else:
        await cases.write(session, case, before=case.report.status, note=comment, **facts)


async def close(session: AsyncSession, case: Case, *, note: str | None = None, **facts: Any) -> None:
    """办结 as a real problem; the first time with the bonus."""
    report = case.report
    first = report.first_closed_at is None
    if first:
        report.first_closed_at = case.now
    await cases.move(session, case, Status.CLOSED, note=note, **facts)
    if first:
        await paying.closed(session, report)


async def close_silent(session: AsyncSession, *, report_id: UUID) -> None:
    """Closes a report whose reporters said nothing in time; nothing when somebody was quicker."""
    case = await cases.take_alone(session, report_id=report_id, command=Command.FEEDBACK)
    if case is not None and case.report.due_at is not None and case.report.due_at <= case.now:
        await close(session, case, silent=True)


async def reopen(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason: str, upload_ids: Sequence[UUID]
) -> None:
    """重新打开, by any reporter. Raises LimitReached after the second time, InvalidTransition after seven days."""
    case = await _reopenable(session, principal, report_id, seen)
    report = case.report
    await uploads_service.attach(
        session, upload_ids=upload_ids, member_id=principal.account_id, kind="report_reopen", owner_id=report.id
    )
    report.reopen_count += 1
    report.assignee_id = report.unit_id = None
    await cases.move(session, case, Status.REOPENED, note=reason, upload_ids=upload_ids)
    await telling.reviewers(session, report, title="上报被重新打开", body="请重新派单。")


async def _reopenable(session: AsyncSession, principal: Principal, report_id: UUID, seen: int | None) -> Case:
    try:
        return await cases.take(session, principal=principal, report_id=report_id, command=Command.REOPEN, seen=seen)
    except InvalidTransition:
        found = await queries.access(session, principal=principal, report_id=report_id)
        if found.report.status is Status.CLOSED and found.report.reopen_count >= workflow.MAX_REOPENS:
            raise LimitReached("同一上报最多重新打开两次", limit=workflow.MAX_REOPENS, period="ever") from None
        raise
