"""What time and WeChat do to reports: overdue notices, the verdict on a text or a photo."""

from uuid import UUID

import sqlalchemy as sa

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.reports import queries, queries_texts, workflow
from app.reports.service import clocks, telling
from app.reports.words import Stage, TextCheck


async def tell_overdue(session: AsyncSession, *, report_id: UUID) -> None:
    """Tells whose turn it is, once per limit: the assignee of work, otherwise the reviewers."""
    report = (await queries.lock(session, report_id)).get(report_id)
    now = (await session.exec(sa.select(queries.CLOCK))).scalar_one()
    if report is None or report.overdue_told_at is not None or not workflow.overdue(report.status, report.due_at, now):
        return
    report.overdue_told_at = now
    session.add(report)
    audit_service.record(
        session, "report.overdue", object_kind="report", object_id=report.id, area_path=report.area_path,
        stage=report.due_stage.value if report.due_stage else None,
    )
    await session.flush()
    await clocks.passed(session, report)
    if report.due_stage is Stage.HANDLE:
        await telling.assignee(session, report, title="派单已超时", body="已超过处理时限，请尽快处理。", but=None)
    await telling.reviewers(session, report, title="上报已超时", body="该环节已超过时限。")


async def judge_text(session: AsyncSession, *, report_id: UUID, verdict: str, of: bytes | None) -> None:
    """Keeps WeChat's verdict on the description that it was asked about; a repeat changes nothing.

    A description that is another one by now, as the reporter amended it meanwhile, is asked about again.
    """
    report = (await queries.lock(session, report_id)).get(report_id)
    if report is None or report.text_check is not TextCheck.PENDING:
        return
    if report.description_sealed != of:
        await jobs_service.enqueue(session, "report.check_text", {"report_id": str(report_id)})
        return
    report.text_check = TextCheck(verdict)
    session.add(report)
    audit_service.record(session, "report.judge_text", object_kind="report", object_id=report_id, verdict=verdict)
    if report.text_check is not TextCheck.PASS:
        await jobs_service.enqueue(session, "moderation.wanted", {"report_id": str(report_id)})


async def decide_text(session: AsyncSession, *, report_id: UUID, edition: UUID, passed: bool) -> bool:
    """A person's word on this edition of the description, for good. False when it is another one by now, or none."""
    report = (await queries.lock(session, report_id)).get(report_id)
    if report is None or report.description_sealed is None or report.text_check is TextCheck.PENDING:
        return False
    if (await queries_texts.editions(session, [report_id])).get(report_id) != edition:
        return False
    report.text_check = TextCheck.PASS if passed else TextCheck.RISKY
    session.add(report)
    return True


async def tell_left(session: AsyncSession, *, report_id: UUID) -> None:
    """Whoever has the report in hand may not work on it any more: the reviewers are asked to name somebody else."""
    report = (await queries.lock(session, report_id)).get(report_id)
    if report is not None and report.status in workflow.HANDLING:
        await telling.reviewers(session, report, title="处理人已不在岗", body="该派单的处理人已不在岗，请改派或另行安排。")


async def note_photo(session: AsyncSession, *, report_id: UUID) -> None:
    """A photo of a report is not fit to be shown: those who decide about the report are told."""
    report = (await queries.lock(session, report_id)).get(report_id)
    if report is not None and report.status in workflow.OPEN:
        await telling.reviewers(session, report, title="照片未通过内容检查", body="请留意该上报的照片。")
