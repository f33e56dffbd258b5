"""`/reports`: filing, lists, one report with its timeline. The commands stand in `routes_commands.py`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.areas import queries as areas_queries
from app.areas.schemas import PlaceQuery
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.pagination import MAX_LIMIT, Nearest, Page, Paging
from app.reports import queries, queries_figures, queries_places, service, views
from app.reports.answers import NearbyReport, ReportFiled, ReportItem, ReportMap, ReportOut, ReportStats, TimelineRow
from app.reports.params import BoxQuery, DaysQuery, access_figures
from app.reports.schemas import ReportIn
from app.reports.words import Status

router = routing.router("/reports", tag="上报")
ByStatus = Annotated[list[Status] | None, Query(description="状态，可重复；不填为全部未结", examples=[["submitted"]])]
Radius = Annotated[int, Query(ge=1, le=5_000, description="半径（米）", examples=[500])]
ByCategory = Annotated[str | None, Query(max_length=40, description="类别代码", examples=["road_hole"])]
Zoom = Annotated[int, Query(ge=0, le=22, description="地图缩放级别", examples=[14])]
AreaId = Annotated[UUID, Query(description="区域", examples=["01933c5e-7a00-7000-8000-000000000002"])]


@router.post("", status_code=201, summary="上报问题")
@policy(key="required", consents=("service", "location"), phone=True)
async def submit(body: ReportIn, principal: SignedIn, session: Session) -> ReportFiled:
    filing = service.Filing(**{name: getattr(body, name) for name in ReportIn.model_fields})
    made = await service.submit(session, principal=principal, filing=filing)
    shown = views.filed(principal, made.report, community=made.community, grid=made.grid, duplicates=made.duplicates)
    return ReportFiled.model_validate(shown)


@router.get("/inbox", summary="工作人员待办")
async def inbox(
    principal: SignedIn, session: ReadSession, page: Paging, status: ByStatus = None,
    overdue: Annotated[bool | None, Query(description="是否超时", examples=[True])] = None,
    assignee: Annotated[UUID | None, Query(description="处理人", examples=["0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a13"])] = None,
) -> Page[ReportItem]:
    found = await queries.inbox(
        session, principal=principal, statuses=status or (), overdue=overdue, assignee=assignee, limit=page.limit, after=page.after
    )
    return Page[ReportItem].model_validate(await views.page(session, principal, found, page))


@router.get("/mine", summary="我的上报")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[ReportItem]:
    found = await queries.mine(session, principal=principal, limit=page.limit, after=page.after)
    return Page[ReportItem].model_validate(await views.page(session, principal, found, page))


@router.get("/nearby", summary="附近未结的上报")
async def nearby(
    principal: SignedIn, session: ReadSession, place: PlaceQuery, radius_m: Radius = 500, category_code: ByCategory = None,
    limit: Nearest = MAX_LIMIT,
) -> Page[NearbyReport]:
    lng, lat = place.gcj02()
    found = await queries_places.nearby(session, lng=lng, lat=lat, radius_m=radius_m, category_code=category_code, limit=limit)
    return Page[NearbyReport].model_validate({"items": await views.nearby(session, found), "next_cursor": None})


@router.get("/map", summary="上报地图（聚合）")
async def clusters(principal: SignedIn, session: ReadSession, bbox: BoxQuery, zoom: Zoom) -> ReportMap:
    found = await queries_places.clusters(session, principal=principal, box=bbox, zoom=zoom)
    return ReportMap.model_validate(views.feature_collection(found))


@router.get("/stats", summary="上报统计")
async def stats(principal: SignedIn, session: ReadSession, area_id: AreaId, span: DaysQuery) -> ReportStats:
    area = await areas_queries.get(session, area_id)
    access_figures(principal, area)
    return ReportStats.model_validate(await queries_figures.stats(session, area=area, first=span[0], last=span[1]))


@router.get("/{report_id}", summary="上报详情")
async def report(report_id: UUID, principal: SignedIn, session: ReadSession) -> ReportOut:
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.get("/{report_id}/timeline", summary="上报经过")
async def timeline(report_id: UUID, principal: SignedIn, session: ReadSession) -> list[TimelineRow]:
    return [TimelineRow.model_validate(row) for row in await views.timeline(session, principal, report_id)]
