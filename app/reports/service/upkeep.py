"""What time and WeChat do to reports: overdue notices, the verdict on a text or a photo, coarser places."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.reports import queries, workflow
from app.reports.models import Report
from app.reports.service import telling
from app.reports.words import Stage, TextCheck

BATCH = 500


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
    if report.due_stage is Stage.HANDLE:
        await telling.assignee(session, report, title="派单已超时", body="已超过处理时限，请尽快处理。", but=None)
    await telling.reviewers(session, report, title="上报已超时", body="该环节已超过时限。")


async def judge_text(session: AsyncSession, *, report_id: UUID, verdict: str) -> None:
    """Keeps WeChat's verdict on the description; a repeat changes nothing."""
    changed = await session.exec(
        sa.update(Report).where(col(Report.id) == report_id, col(Report.text_check) == TextCheck.PENDING)
        .values(text_check=TextCheck(verdict))
    )
    if changed.rowcount:
        audit_service.record(session, "report.judge_text", object_kind="report", object_id=report_id, verdict=verdict)


async def note_photo(session: AsyncSession, *, report_id: UUID) -> None:
    """A photo of a report is not fit to be shown: those who decide about the report are told."""
    report = (await queries.lock(session, report_id)).get(report_id)
    if report is not None and report.status in workflow.OPEN:
        await telling.reviewers(session, report, title="照片未通过内容检查", body="请留意该上报的照片。")


async def round_places(session: AsyncSession) -> int:
    """Makes the places of reports that ended 90 days ago coarse, at most a batch; returns how many."""
    old = (
        sa.select(col(Report.id))
        .where(
            col(Report.ended_at) < queries.CLOCK - workflow.ROUND_AFTER, col(Report.ended_at).is_not(None),
            col(Report.place_rounded_at).is_(None),
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    done = await session.exec(
        sa.update(Report).where(col(Report.id).in_(old)).values(coarse()).execution_options(synchronize_session=False)
    )
    return done.rowcount


def coarse() -> dict[str, object]:
    """The columns of a rounded place; what came in another system goes."""

    def rounded(column: object) -> sa.ColumnElement[float]:
        return sa.cast(sa.func.round(sa.cast(column, sa.Numeric), workflow.ROUND_DIGITS), sa.Float)

    return {
        "lng": rounded(Report.lng), "lat": rounded(Report.lat), "accuracy_m": None, "source_lng": None, "source_lat": None,
        "source_crs": None, "place_rounded_at": queries.CLOCK,
    }
