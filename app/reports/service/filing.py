"""The reporter's own: filing a report, taking it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from app import clock
from app.areas import geo
from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.areas.queries_around import Around
from app.areas.schemas import Place
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.categories.leaves import Leaf
from app.categories.models import GuidanceMode, ReportCategoryVersion, Severity
from app.db.base import new_id
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.members import service as members_service
from app.members.models import Purpose
from app.reports import errors, likeness, queries_duplicates, queries_filing, queries_merges, reckoning, texts, workflow
from app.reports.likeness import Match, Spot
from app.reports.models import Report
from app.reports.queries_filing import Ground
from app.reports.service import case as cases
from app.reports.service import clocks, entering, joins, telling
from app.reports.service.entering import Entered, Run
from app.reports.words import Status
from app.reports.workflow import Command
from app.uploads import service as uploads_service
from app.uploads.service import Job

Category = TypeVar("Category", ReportCategoryVersion, Leaf)
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
    report: Entered
    community: Area | Around
    grid: Area | Around | None
    duplicates: list[Match]


async def submit(session: AsyncSession, *, principal: Principal, filing: Filing) -> Filed:
    """Files a report. Locks the photos.

    Raises ValidationFailed (category, place, time, photos given twice), NotFound and UploadAlreadyUsed for photos.
    """
    not_ahead(filing.occurred_at)
    (lng, lat), now, report_id, me = filing.location.gcj02(), clock.now(), new_id(), principal.account_id
    ground = await queries_filing.ground(session, code=filing.category_code, lng=lng, lat=lat, now=now)
    category = None if filing.category_code is None else _fileable(ground.leaf)
    require_photos(category, len(filing.upload_ids))
    community, grid = await _site(session, ground, lng, lat)
    kind = kind_of(category)
    run = await _first_run(session, ground, kind, now)
    jobs = await uploads_service.attached(
        session, upload_ids=filing.upload_ids, member_id=me, kind="report_before", owner_id=report_id
    )
    near = await queries_duplicates.for_reporter(session, spot=Spot(lng, lat, now, likeness.reach(category)), but=[report_id])
    report = await entering.enter(
        session, report_id, {
            "member_id": me, "occurred_at": filing.occurred_at, **kind, **where(filing.location, community, grid),
            **texts.sealed(session, report_id, description=filing.description, address=filing.address),
        }, run,
    )
    await entering.begin(
        session, report, run, by=me, sentences=(filing.description, filing.address), upload_ids=filing.upload_ids
    )
    await _tell(session, principal, report, jobs)
    return Filed(report, community, grid, near)


async def _tell(session: AsyncSession, principal: Principal, report: Entered, jobs: Sequence[Job]) -> None:
    """Whoever is to look at a new report: WeChat, the signals, in an emergency the reviewers at once."""
    asked = ("report.check_text", "report.signals")
    await jobs_service.enqueue_all(session, [*jobs, *((job, {"report_id": str(report.id)}) for job in asked)])
    if Purpose.RISK_CHECK in principal.consented:
        await members_service.ask_risk(
            session, member_id=principal.account_id, scene=members_service.CONTENT, report_id=report.id
        )
    if report.severity is Severity.EMERGENCY:
        await telling.emergency(session, await session.get_one(Report, report.id))


def not_ahead(occurred_at: datetime | None) -> None:
    """Raises ValidationFailed for something that has not happened yet."""
    if occurred_at is not None and occurred_at > clock.now() + SKEW:
        raise errors.not_in_past("occurred_at")


async def leaf(session: AsyncSession, code: str | None) -> ReportCategoryVersion | None:
    """Raises ValidationFailed as `_fileable` does."""
    return None if code is None else _fileable(await categories_queries.leaf(session, code))


def _fileable(category: Category | None) -> Category:
    """Raises ValidationFailed for a category that cannot be reported, and for one whose form stops: somebody else must be called."""
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


def require_photos(category: ReportCategoryVersion | Leaf | None, count: int) -> None:
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


async def _site(session: AsyncSession, ground: Ground, lng: float, lat: float) -> tuple[Area | Around, Area | Around | None]:
    """The same where boundaries are drawn down to the community: what was read tells it, but for a grid that has a centre alone."""
    deepest = ground.chain[-1] if ground.chain else None
    if deepest is None or deepest.level.depth < Level.COMMUNITY.depth:
        return await placed(session, lng, lat)
    community = next((area for area in ground.chain if area.level is Level.COMMUNITY), None)
    if community is None:
        raise errors.out_of_every_area()
    if deepest.level is Level.GRID:
        return community, deepest
    return community, await areas_queries.grid_near(session, lng=lng, lat=lat, path=deepest.path)


async def _first_run(session: AsyncSession, ground: Ground, kind: Mapping[str, Any], now: datetime) -> Run:
    stage = workflow.STAGES[Status.SUBMITTED]
    assert stage is not None
    limit = clocks.limit_of(stage, kind["severity"], (kind["category_code"], kind["category_version"]), ground.leaf)
    rule = await queries_filing.ruler(session, ground, limit, now=now)
    due = rule.after(now, reckoning.length(limit))
    return Run(stage, now, limit, due, reckoning.first_warning(stage, rule, now, due))


def kind_of(category: ReportCategoryVersion | Leaf | None) -> dict[str, Any]:
    """The columns that a category sets; without one the reviewer names it."""
    if category is None:
        return {"category_code": None, "category_version": None, "severity": Severity.NORMAL}
    return {"category_code": category.category_code, "category_version": category.version, "severity": category.severity}


def set_columns(report: Report, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(report, name, value)


def where(place: Place, community: Area | Around, grid: Area | Around | None) -> dict[str, Any]:
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
