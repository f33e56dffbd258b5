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
from app.categories.models import GuidanceMode, ReportCategoryVersion, Severity
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.members import service as members_service
from app.members.models import Purpose
from app.reports import errors, likeness, queries_duplicates, queries_merges, texts, workflow
from app.reports.likeness import Match, Spot
from app.reports.models import Report
from app.reports.service import case as cases
from app.reports.service import clocks, indexing, joins, telling
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
    duplicates: list[Match]


async def submit(session: AsyncSession, *, principal: Principal, filing: Filing) -> Filed:
    """Files a report. Locks the photos.

    Raises ValidationFailed (category, place, time, photos given twice), NotFound and UploadAlreadyUsed for photos.
    """
    not_ahead(filing.occurred_at)
    category = await leaf(session, filing.category_code)
    require_photos(category, len(filing.upload_ids))
    lng, lat = filing.location.gcj02()
    community, grid = await placed(session, lng, lat)
    report = _row(session, principal, filing, category, community, grid)
    review = await clocks.begin(session, report, to=Status.SUBMITTED, now=clock.now())
    assert review is not None
    await uploads_service.attach(
        session, upload_ids=filing.upload_ids, member_id=principal.account_id, kind="report_before", owner_id=report.id
    )
    spot = Spot(lng, lat, clock.now(), likeness.reach(category))
    near = await queries_duplicates.for_reporter(session, spot=spot, but=[report.id])
    report.number = await next_number(session, prefix="R")
    session.add(report)
    await session.flush()
    session.add(review)
    await indexing.index(session, [report])
    filed = Case(report, Command.ACCEPT, ActorRole.REPORTER, principal.account_id, None, clock.now())
    cases.log(session, filed, before=None, note_id=None, upload_ids=filing.upload_ids, facts={}, command="submit")
    for job in ("report.check_text", "report.signals"):
        await jobs_service.enqueue(session, job, {"report_id": str(report.id)})
    if Purpose.RISK_CHECK in principal.consented:
        await members_service.ask_risk(session, member_id=principal.account_id, scene=members_service.CONTENT, report_id=report.id)
    if report.severity is Severity.EMERGENCY:
        await telling.emergency(session, report)
    return Filed(report, community, grid, near)


def not_ahead(occurred_at: datetime | None) -> None:
    """Raises ValidationFailed for something that has not happened yet."""
    if occurred_at is not None and occurred_at > clock.now() + SKEW:
        raise errors.not_in_past("occurred_at")


async def leaf(session: AsyncSession, code: str | None) -> ReportCategoryVersion | None:
    """Raises ValidationFailed for a category that cannot be reported, and for one whose form stops: somebody else must be called."""
    if code is None:
        return None
    category = await categories_queries.leaf(session, code)
    if category is None:
        raise errors.unknown_category()
    if category.guidance_mode is GuidanceMode.STOP:
        raise errors.not_here(str(category.guidance_text))
    return category


async def categorise(session: AsyncSession, report: Report, code: str | None) -> None:
    """Gives a report another category as that is now; its own, named again, stays in the version that the report keeps.

    Raises ValidationFailed as `leaf` does.
    """
    if code != report.category_code:
        set_columns(report, kind_of(await leaf(session, code)))


def require_photos(category: ReportCategoryVersion | None, count: int) -> None:
    """Raises ValidationFailed for fewer photos than the category asks for."""
    if category is not None and count < category.before_min:
        raise errors.too_few_photos(category.before_min)


async def placed(session: AsyncSession, lng: float, lat: float) -> tuple[Area, Area | None]:
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
    session: AsyncSession, principal: Principal, filing: Filing, category: ReportCategoryVersion | None, community: Area, grid: Area | None
) -> Report:
    report = Report(
        number="", member_id=principal.account_id, occurred_at=filing.occurred_at, **kind_of(category),
        **where(filing.location, community, grid),
    )
    texts.seal(session, report, description=filing.description, address=filing.address)
    return report


def kind_of(category: ReportCategoryVersion | None) -> dict[str, Any]:
    """The columns that a category sets; without one the reviewer names it."""
    if category is None:
        return {"category_code": None, "category_version": None, "severity": Severity.NORMAL}
    return {"category_code": category.category_code, "category_version": category.version, "severity": category.severity}


def set_columns(report: Report, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(report, name, value)


def where(place: Place, community: Area, grid: Area | None) -> dict[str, Any]:
    """The columns of a place: GCJ-02, what came as it came, and who answers for it."""
    lng, lat = place.gcj02()
    return {
        "community_id": community.id, "grid_id": grid.id if grid else None, "area_path": (grid or community).path, "lng": lng, "lat": lat,
        "accuracy_m": place.accuracy_m, "source_lng": place.lng, "source_lat": place.lat, "source_crs": place.crs.value,
    }


async def withdraw(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None) -> None:
    """Takes one's report back. Reports of others that were merged into it go back to review: none of them is lost."""
    await queries_merges.lock_family(session, report_id)
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.WITHDRAW, seen=seen)
    await cases.move(session, case, Status.WITHDRAWN)
    await joins.release(session, into=case.report)
