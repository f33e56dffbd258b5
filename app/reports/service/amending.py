"""The reporter completes or corrects a report until it is accepted."""

from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.categories.models import Severity
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.reports import texts
from app.reports.models import Report
from app.reports.service import case as cases
from app.reports.service import clocks, filing, indexing, telling
from app.reports.service.case import Case
from app.reports.service.clocks import Lap
from app.reports.words import TextCheck
from app.reports.workflow import Command
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service


async def amend(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, changes: dict[str, Any]) -> None:
    """Changes what is given. The clock goes on, but for what turns out to be an emergency.

    Raises what filing raises: ValidationFailed (category, place, time, photos given twice), NotFound and UploadAlreadyUsed for photos.
    """
    if "location" in changes:
        principal.require_consent("location")
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.AMEND, seen=seen)
    report = case.report
    severity, area_path = report.severity, report.area_path
    filing.not_ahead(changes.get("occurred_at"))
    await _recategorise(session, report, changes)
    await _move(session, report, changes)
    _reword(session, report, changes)
    if "upload_ids" in changes:
        await uploads_service.replace(
            session, upload_ids=changes["upload_ids"], member_id=principal.account_id, kind="report_before", owner_id=report.id
        )
    if not {"category_code", "upload_ids"}.isdisjoint(changes):
        await _require_photos(session, report)
    lap = await _rate(session, case, severity)
    await cases.write(session, case, before=report.status, lap=lap, upload_ids=changes.get("upload_ids", ()), fields=sorted(changes))
    if not {"description", "address"}.isdisjoint(changes):
        await session.flush()
        await indexing.index(session, [report])
    await jobs_service.enqueue(session, "report.signals", {"report_id": str(report.id)})
    if "description" in changes:
        for job in ("report.check_text", "moderation.wanted"):
            await jobs_service.enqueue(session, job, {"report_id": str(report.id)})
    if report.area_path != area_path:
        await jobs_service.enqueue(session, "moderation.moved", {"report_id": str(report.id)})
    if report.severity is Severity.EMERGENCY and (severity, area_path) != (report.severity, report.area_path):
        await telling.emergency(session, report)


async def _recategorise(session: AsyncSession, report: Report, changes: dict[str, Any]) -> None:
    if "category_code" in changes:
        await filing.categorise(session, report, changes["category_code"])


async def _require_photos(session: AsyncSession, report: Report) -> None:
    """What is left must do for the category that it has now."""
    photos = (await uploads_queries.photos(session, [report.id])).get(report.id, ())
    policy = await categories_queries.policy_of(session, (report.category_code, report.category_version))
    filing.require_photos(policy, sum(photo.kind == "report_before" for photo in photos))


async def _move(session: AsyncSession, report: Report, changes: dict[str, Any]) -> None:
    """Another place may be another community's, which nobody has told a higher level of."""
    if "location" not in changes:
        return
    place, community_id = changes["location"], report.community_id
    community, grid = await filing.placed(session, *place.gcj02())
    filing.set_columns(report, filing.where(place, community, grid))
    if community.id != community_id:
        report.escalated_to, report.escalated_to_top = None, False


def _reword(session: AsyncSession, report: Report, changes: dict[str, Any]) -> None:
    if "occurred_at" in changes:
        report.occurred_at = changes["occurred_at"]
    if "address" in changes:
        texts.seal_address(session, report, changes["address"])
    if "description" in changes:
        texts.seal_description(session, report, changes["description"])
        report.text_check = TextCheck.PENDING


async def _rate(session: AsyncSession, case: Case, before: Severity) -> Lap | None:
    report = case.report
    if report.severity is not Severity.EMERGENCY or before is Severity.EMERGENCY:
        return None
    with session.no_autoflush:
        return await clocks.turn(session, report, to=report.status, now=case.now)
