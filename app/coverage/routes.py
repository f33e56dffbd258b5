"""`/coverage`: 两个覆盖 on any day, the list behind the figures, and the visits."""

from typing import Annotated, Any, Literal

from fastapi import Query

from app.audit import service as audit_service
from app.auth import routing
from app.auth.routing import AuditedSession, ReadSession, SignedIn
from app.coverage import queries_figures, views
from app.coverage.params import AreaId, Days, On
from app.coverage.queries_figures import Covered
from app.coverage.schemas import CoverageOut, CoveredOut, VisitFigures
from app.export.tables import MEDIA_TYPES, Format
from app.pagination import Page, Paging
from app.schemas import named

router = routing.router("/coverage", tag="两个覆盖")
ListFormat = Annotated[Literal["json", "csv", "xlsx"], Query(description="json 分页；csv、xlsx 为全部", examples=["json"])]
By = Annotated[Covered | None, Query(description="只看被党组织覆盖、被工作覆盖、未被覆盖的企业", examples=["none"])]
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPES[kind]: {} for kind in (Format.CSV, Format.XLSX)}}}


@router.get("", summary="组织覆盖率与工作覆盖率")
async def coverage(principal: SignedIn, session: ReadSession, area_id: AreaId, on: On) -> CoverageOut:
    area = await queries_figures.access_area(session, principal=principal, area_id=area_id)
    return await views.coverage(session, area, on)


@router.get("/enterprises", summary="覆盖率背后的企业清单", response_model=Page[CoveredOut], responses=FILES)
async def enterprises(
    principal: SignedIn, session: AuditedSession, page: Paging, area_id: AreaId, on: On, covered: By = None, format: ListFormat = "json"
) -> Any:
    area = await queries_figures.access_area(session, principal=principal, area_id=area_id)
    if format == "json":
        return await views.covered_page(session, area, on, covered, page)
    audit_service.record(
        session, "coverage.download", object_kind="area", object_id=area.id, area_path=area.path, format=format, on=on.isoformat()
    )
    return await views.covered_file(session, area, on, covered, format)


@router.get("/visits", summary="走访情况汇总")
async def visits(principal: SignedIn, session: ReadSession, area_id: AreaId, span: Days) -> VisitFigures:
    area = await queries_figures.access_area(session, principal=principal, area_id=area_id)
    made = await queries_figures.visits(session, area=area, first=span[0], last=span[1])
    quiet = await queries_figures.quiet(session, area=area, on=span[1])
    return VisitFigures.model_validate({"area": named(area), "from": span[0], "to": span[1], **made, **quiet})
