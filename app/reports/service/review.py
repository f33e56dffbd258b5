"""The reviewer's commands. Nobody gives them on a report of their own, and no resolver judges the own work."""

from typing import Any
from uuid import UUID

from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.categories import workflow as categories_workflow
from app.categories.models import Severity
from app.db.session import AsyncSession
from app.reports import errors
from app.reports.service import case as cases
from app.reports.service import clocks, filing, looks, paying, routing, telling, verdicts
from app.reports.words import RejectReason, RequestKind, RequestStatus, Status
from app.reports.workflow import Command


async def accept(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, category_code: str | None, severity: Severity | None,
    note: str | None,
) -> None:
    """立案: settles category and severity, and pays. Raises ValidationFailed when there is no category, or it cannot be reported."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.ACCEPT, seen=seen)
    report = case.report
    if category_code is not None:
        await filing.categorise(session, report, category_code)
    if report.category_code is None:
        raise errors.category_missing()
    report.severity = severity or report.severity
    first = report.accepted_rule is None
    report.accepted_rule = report.accepted_rule or categories_workflow.accepted_rule(report.severity)
    report.accepted_at = report.accepted_at or case.now
    await cases.move(session, case, Status.ACCEPTED, note=note, category=report.category_code, severity=report.severity.value)
    await paying.accepted(session, report, first=first, by=case.actor_id, joined=case.joined)


async def reject(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason_code: RejectReason, note: str
) -> None:
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.REJECT, seen=seen)
    case.report.reject_reason = reason_code
    await cases.move(session, case, Status.REJECTED, note=note, reason_code=reason_code.value)


async def dispatch(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, assignee_id: UUID, note: str | None
) -> None:
    """派单, or to another worker while nobody has started. Raises ValidationFailed for somebody who is no grid worker of that place."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.DISPATCH, seen=seen)
    report, before = case.report, case.report.assignee_id
    workers = await auth_queries.covering(session, area_path=report.area_path, roles=[Role.GRID_WORKER])
    if assignee_id not in workers:
        raise errors.no_such_worker()
    report.assignee_id = assignee_id
    answering = await routing.answer(session, report)
    report.dispatched_at = report.dispatched_at or case.now
    await cases.move(session, case, Status.DISPATCHED, note=note, assignee_id=str(assignee_id), **answering)
    await telling.assignee(session, report, title="新的派单", body="请按时限处理。", but=case.actor_id)
    if before not in (None, assignee_id):
        await telling.send(session, report, [before], title="派单已改派", body="该派单已改由他人处理。")


async def verify(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, passed: bool, note: str) -> None:
    """核查: on to the reporters, now and then drawn for a second look; or back to work."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.VERIFY, seen=seen)
    case.report.verifier_id = case.actor_id
    if passed:
        event = await cases.move(session, case, Status.AWAITING_FEEDBACK, note=note, passed=True)
        await looks.draw(session, case, event)
    else:
        await _rework(session, case, note)


async def decide(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, rework: bool, note: str) -> None:
    """The word on a dispute: back to work, or closed as it is."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.DECIDE, seen=seen)
    if rework:
        await _rework(session, case, note)
    else:
        await verdicts.close(session, case, note=note, rework=False)


async def _rework(session: AsyncSession, case: cases.Case, note: str) -> None:
    case.report.rework_count += 1
    await cases.move(session, case, Status.IN_PROGRESS, note=note, rework=True)
    await telling.assignee(session, case.report, title="需要返工", body="核查或评价未通过，请重新处理。", but=case.actor_id)


async def decide_request(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, approve: bool, note: str
) -> None:
    """Answers what the assignee asked for. A suspension takes effect only while the work goes on; otherwise the request is over."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.DECIDE_REQUEST, seen=seen)
    report, request = case.report, case.request
    assert request is not None
    cases.settle(session, case, RequestStatus.APPROVED if approve else RequestStatus.REFUSED)
    facts: dict[str, Any] = {"request": request.kind.value, "approve": approve}
    if approve and request.kind is RequestKind.SUSPEND and report.status is Status.IN_PROGRESS:
        report.suspended_until = clocks.later_than(request.until, case.now)
        await cases.move(session, case, Status.SUSPENDED, note=note, **facts)
    else:
        if approve and request.kind is RequestKind.EXTEND and request.until is not None:
            await clocks.extend(session, report, until=request.until, now=case.now, by=case.actor_id, request_id=request.id)
        await cases.write(session, case, before=report.status, note=note, **facts)
    title = "申请已同意" if approve else "申请未同意"
    await telling.assignee(session, report, title=title, body="审核员已答复您的申请。", but=case.actor_id)
