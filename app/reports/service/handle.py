"""The assignee's commands, and those that assignee and reviewer share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.errors import AlreadyExists
from app.reports import errors, workflow
from app.reports.models import ReportRequest
from app.reports.service import case as cases
from app.reports.service import clocks, telling
from app.reports.service.case import Case
from app.reports.words import RequestKind, Status
from app.reports.workflow import Command
from app.uploads import service as uploads_service


async def start(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None) -> None:
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.START, seen=seen)
    await cases.move(session, case, Status.IN_PROGRESS)


async def send_back(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason: str) -> None:
    """退单: somebody else is to be named."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.SEND_BACK, seen=seen)
    case.report.assignee_id = case.report.unit_id = None
    await cases.move(session, case, Status.ACCEPTED, note=reason)


async def resolve(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, note: str, upload_ids: Sequence[UUID]
) -> None:
    """处置, with the photos that show it. Raises ValidationFailed for too few of them, NotFound and UploadAlreadyUsed for photos."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.RESOLVE, seen=seen)
    report = case.report
    policy = await categories_queries.policy_of(session, (report.category_code, report.category_version))
    if policy is not None and len(upload_ids) < policy.after_min:
        raise errors.too_few_photos(policy.after_min)
    await uploads_service.attach(
        session, upload_ids=upload_ids, member_id=principal.account_id, kind="report_after", owner_id=report.id
    )
    report.resolver_id, report.resolved_at, report.verifier_id = principal.account_id, case.now, None
    await cases.move(session, case, Status.RESOLVED, note=note, upload_ids=upload_ids)


async def suspend(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason: str, until: datetime | None
) -> None:
    """挂账: the assignee asks, the reviewer's own takes effect at once. Raises AlreadyExists while a request is open."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.SUSPEND, seen=seen)
    if until is not None and until <= case.now:
        raise errors.not_in_future("until")
    if case.actor in workflow.TABLE[case.command].asks:
        await _ask(session, case, RequestKind.SUSPEND, reason=reason, until=until)
        return
    case.report.suspended_until = until
    await cases.move(session, case, Status.SUSPENDED, note=reason, **_until(until))
    await telling.assignee(session, case.report, title="派单已挂账", body="审核员已暂停该派单的时限。", but=case.actor_id)


async def extend(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, until: datetime, reason: str
) -> None:
    """延期: the assignee asks, the reviewer's own takes effect at once; only the clock changes. Raises AlreadyExists as `suspend` does."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.EXTEND, seen=seen)
    if until <= case.now:
        raise errors.not_in_future("until")
    if case.actor in workflow.TABLE[case.command].asks:
        await _ask(session, case, RequestKind.EXTEND, reason=reason, until=until)
        return
    await clocks.extend(session, case.report, until=until, now=case.now, by=case.actor_id)
    await cases.write(session, case, before=case.report.status, note=reason, **_until(until))
    await telling.assignee(session, case.report, title="派单已延期", body="审核员已调整处理时限。", but=case.actor_id)


async def _ask(session: AsyncSession, case: Case, kind: RequestKind, *, reason: str, until: datetime | None) -> None:
    if case.request is not None:
        raise AlreadyExists("已有一项申请待审核员答复")
    report, asker = case.report, case.actor_id
    assert asker is not None
    text_id = await cases.put_text(session, report.id, asker, reason)
    assert text_id is not None
    session.add(ReportRequest(report_id=report.id, kind=kind, asked_by=asker, reason_id=text_id, until=until))
    report.version += 1
    session.add(report)
    cases.log(session, case, before=report.status, note_id=text_id, upload_ids=(), facts={"request": kind.value, **_until(until)})
    await session.flush()
    await telling.reviewers(session, report, title="网格员有申请待答复", body="挂账" if kind is RequestKind.SUSPEND else "延期")


def _until(until: datetime | None) -> dict[str, Any]:
    return {} if until is None else {"until": until.isoformat()}


async def resume(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None) -> None:
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.RESUME, seen=seen)
    await _resume(session, case)


async def resume_due(session: AsyncSession, *, report_id: UUID) -> None:
    """Ends a suspension whose time is over; nothing when somebody was quicker."""
    case = await cases.take_alone(session, report_id=report_id, command=Command.RESUME)
    if case is not None and case.report.suspended_until is not None and case.report.suspended_until <= case.now:
        await _resume(session, case)


async def _resume(session: AsyncSession, case: Case) -> None:
    await cases.move(session, case, Status.IN_PROGRESS)
    await telling.assignee(session, case.report, title="派单已恢复", body="时限重新开始计算，请继续处理。", but=case.actor_id)
