"""The reporter's own: filing a report, taking it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.areas import geo
from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.areas.schemas import Place
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.categories.models import ReportCategory, Severity
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.reports import errors, queries, queries_places, texts, workflow
from app.reports.models import Report
from app.reports.service import case as cases
from app.reports.service import clocks, joins, telling
from app.reports.service.case import Case
from app.reports.words import ActorRole, Status
from app.reports.workflow import Command
from app.uploads import service as uploads_service

SKEW = timedelta(minutes=5)  # a phone's clock may be ahead by so much


@dataclass(frozen=True, slots=True)
class Filing:
    """What a reporter sends."""

    category_code: str | None
    description: str
    location: Place
    address: str | None
    upload_ids: Sequence[UUID]
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filed:
    report: Report
    community: Area
    grid: Area | None
    duplicates: list[dict[str, Any]]


async def submit(session: AsyncSession, *, principal: Principal, filing: Filing) -> Filed:
    """Files a report. Locks the photos, and last the day's counter of numbers.

    Raises ValidationFailed (category, place, time, photos given twice), NotFound and UploadAlreadyUsed for photos.
    """
    if filing.occurred_at is not None and filing.occurred_at > clock.now() + SKEW:
        raise errors.not_in_past("occurred_at")
    category = await leaf(session, filing.category_code)
    lng, lat = filing.location.gcj02()
    community, grid = await _placed(session, lng, lat)
    report = _row(session, principal, filing, category, community, grid)
    await clocks.turn(session, report, to=Status.SUBMITTED, now=clock.now())
    await uploads_service.attach(
        session, upload_ids=filing.upload_ids, member_id=principal.account_id, kind="report_before", owner_id=report.id
    )
    near = await queries_places.duplicates(session, category_code=report.category_code, lng=lng, lat=lat)
    report.number = await next_number(session, prefix="R")
    session.add(report)
    await session.flush()
    filed = Case(report, Command.ACCEPT, ActorRole.REPORTER, principal.account_id, None, clock.now())
    cases.log(session, filed, before=None, note_id=None, upload_ids=filing.upload_ids, facts={}, command="submit")
    await jobs_service.enqueue(session, "report.check_text", {"report_id": str(report.id)})
    if report.severity is Severity.EMERGENCY:
        await telling.reviewers(session, report, title="紧急上报", body="请在 15 分钟内受理。")
    return Filed(report, community, grid, near)


async def leaf(session: AsyncSession, code: str | None) -> ReportCategory | None:
    """Raises ValidationFailed for a category that cannot be reported."""
    if code is None:
        return None
    category = await categories_queries.leaf(session, code)
    if category is None:
        raise errors.unknown_category()
    return category


async def _placed(session: AsyncSession, lng: float, lat: float) -> tuple[Area, Area | None]:
    """Community and grid of a point. Raises ValidationFailed for one that lies in no area of ours."""
    chain = await areas_queries.chain_at(session, lng=lng, lat=lat)
    community = next((area for area in chain if area.level is Level.COMMUNITY), None)
    if community is None or not _within(chain, lng, lat):
        raise errors.out_of_every_area()
    return community, next((area for area in chain if area.level is Level.GRID), None)


def _within(chain: Sequence[Area], lng: float, lat: float) -> bool:
    """Inside the boundary of any area of the chain; where none has one, near the centre of the last."""
    drawn = [area.boundary for area in chain if area.boundary]
    if drawn:
        return any(geo.inside(boundary, lng, lat) for boundary in drawn)
    last = chain[-1]
    if last.center_lng is None or last.center_lat is None:
        return False
    return geo.distance_m(lng, lat, last.center_lng, last.center_lat) <= workflow.OUTSIDE_BEYOND_M


def _row(
    session: AsyncSession, principal: Principal, filing: Filing, category: ReportCategory | None, community: Area, grid: Area | None
) -> Report:
    place = filing.location
    lng, lat = place.gcj02()
    other = place.crs != geo.Crs.GCJ02
    report = Report(
        number="", member_id=principal.account_id, category_code=category.code if category else None,
        severity=category.severity if category else Severity.NORMAL, occurred_at=filing.occurred_at, community_id=community.id,
        grid_id=grid.id if grid else None, area_path=(grid or community).path, lng=lng, lat=lat, accuracy_m=place.accuracy_m,
        source_lng=place.lng if other else None, source_lat=place.lat if other else None, source_crs=place.crs.value if other else None,
    )
    texts.seal(session, report, description=filing.description, address=filing.address)
    return report


async def withdraw(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None) -> None:
    """Takes one's report back. Reports of others that were merged into it go back to review: none of them is lost."""
    await queries.lock(session, report_id, *await queries.merged_reports(session, into_id=report_id))
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.WITHDRAW, seen=seen)
    await cases.move(session, case, Status.WITHDRAWN)
    await joins.release(session, into=case.report)
