"""`/reports`: filing, lists, one report with its timeline. The commands stand in `routes_commands.py`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.areas.schemas import PlaceQuery
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import AuditedSession, ReadSession, Session, SignedIn
from app.pagination import DEFAULT_LIMIT, Nearest, Page, Paging
from app.reports import queries_lines, queries_places, reading, service, views
from app.reports.answers import NearbyReport, ReportFiled, ReportItem, ReportOut, TimelineRow
from app.reports.schemas import ReportIn

router = routing.router("/reports", tag="上报")
Radius = Annotated[int, Query(ge=1, le=5_000, description="半径（米）", examples=[500])]
ByCategory = Annotated[str | None, Query(max_length=40, description="类别代码", examples=["road_hole"])]


@router.post("", status_code=201, summary="上报问题")
@policy(key="required", consents=("service", "location"), phone=True)
async def submit(body: ReportIn, principal: SignedIn, session: Session) -> ReportFiled:
    filing = service.Filing(**{name: getattr(body, name) for name in ReportIn.model_fields})
    made = await service.submit(session, principal=principal, filing=filing)
    shown = views.filed(made.report, community=made.community, grid=made.grid, duplicates=made.duplicates)
    return ReportFiled.model_validate(shown)


@router.get("/mine", summary="我的上报")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[ReportItem]:
    found = await queries_lines.mine(session, principal=principal, limit=page.limit, after=page.after)
    return Page[ReportItem].model_validate(views.page(session, principal, found, page))


@router.get("/nearby", summary="附近未结的上报")
async def nearby(
    principal: SignedIn, session: ReadSession, place: PlaceQuery, radius_m: Radius = 500, category_code: ByCategory = None,
    limit: Nearest = DEFAULT_LIMIT,
) -> Page[NearbyReport]:
    lng, lat = place.gcj02()
    found = await queries_places.nearby(session, lng=lng, lat=lat, radius_m=radius_m, category_code=category_code, limit=limit)
    return Page[NearbyReport].model_validate({"items": views.nearby(session, found), "next_cursor": None})


@router.get("/{report_id}", summary="上报详情")
async def report(report_id: UUID, principal: SignedIn, session: AuditedSession) -> ReportOut:
    return ReportOut.model_validate(await reading.detail(session, principal, report_id))


@router.get("/{report_id}/timeline", summary="上报经过")
async def timeline(report_id: UUID, principal: SignedIn, session: ReadSession) -> list[TimelineRow]:
    return [TimelineRow.model_validate(row) for row in await views.timeline(session, principal, report_id)]
