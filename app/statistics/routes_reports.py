"""`/reports/map`, `/reports/stats`, `/reports/facets`: the reports of an area or a box as clusters and counts."""

from typing import Any

from starlette.responses import Response

from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth import routing
from app.auth.routing import AuditedSession, FiguresSession, SignedIn
from app.export.tables import MEDIA_TYPES, Format
from app.statistics import queries_map, views
from app.statistics.params import AreaId, BoxQuery, DaysQuery, FileFormat, Zoom, access_figures
from app.statistics.schemas import ReportFacets, ReportMap, ReportStats

router = routing.router("/reports", tag="上报统计")
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPES[kind]: {} for kind in (Format.CSV, Format.XLSX)}}}
WIDENING = (
    "范围内不足 1000 件时逐件计数；更多时按网格计数，范围向外取整到网格边（网格边长不超过范围长边的 1/16），"
    "因此总数与缩放级别无关。工作人员看到本辖区全部状态，其他人看到已受理的。"
)


@router.get("/map", summary="上报地图（聚合）", description=WIDENING, response_model=ReportMap)
async def clusters(principal: SignedIn, session: FiguresSession, bbox: BoxQuery, zoom: Zoom) -> Response:
    found = await queries_map.clusters(session, principal=principal, box=bbox, zoom=zoom)
    return Response(found.geojson, media_type="application/json")


@router.get("/stats", summary="上报统计", response_model=ReportStats, responses=FILES)
async def stats(
    principal: SignedIn, session: AuditedSession, area_id: AreaId, span: DaysQuery, format: FileFormat = "json"
) -> Any:
    area = await areas_queries.get(session, area_id)
    access_figures(principal, area)
    shown = await views.stats(session, area, *span)
    if format == "json":
        return shown
    audit_service.record(session, "report.stats_download", object_kind="area", object_id=area.id, area_path=area.path, format=format)
    return views.stats_file(shown, format)


@router.get("/facets", summary="上报分面计数")
async def facets(principal: SignedIn, session: FiguresSession, area_id: AreaId, span: DaysQuery) -> ReportFacets:
    area = await areas_queries.get(session, area_id)
    access_figures(principal, area)
    return await views.facets(session, area, *span)
