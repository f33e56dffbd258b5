"""`/enterprises`: whom riders and couriers work for."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.enterprises import queries, service, views
from app.enterprises.models import EnterpriseKind
from app.enterprises.schemas import EnterpriseIn, EnterpriseOut, EnterprisePatch, HeadcountIn, HeadcountOut
from app.pagination import Page, Paging, page_of
from app.schemas import Word

router = routing.router("/enterprises", tag="新业态企业")
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=["01933c5e-7a00-7000-8000-000000000001"])]
OfKind = Annotated[EnterpriseKind | None, Query(description="企业类型", examples=["platform"])]
Named = Annotated[Word | None, Query(description="企业名称中的一部分", examples=["迅达"])]
Closed = Annotated[bool, Query(description="连同已关闭的企业", examples=[False])]
EnterpriseId = Annotated[UUID, Path(description="企业编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]


@router.post("", status_code=201, summary="新增企业")
async def create(body: EnterpriseIn, principal: SignedIn, session: Session) -> EnterpriseOut:
    fields = body.model_dump(exclude={"area_id"})
    enterprise = await service.create(session, principal=principal, area_id=body.area_id, fields=fields)
    return await views.one(session, principal, enterprise)


@router.get("", summary="企业列表")
async def enterprises(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, kind: OfKind = None, q: Named = None,
    closed: Closed = False,
) -> Page[EnterpriseOut]:
    found = await queries.enterprises(
        session, area_id=area_id, kind=kind, q=q, closed=closed, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda enterprise: enterprise.id)
    return Page[EnterpriseOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/{enterprise_id}", summary="企业详情")
async def enterprise(enterprise_id: EnterpriseId, principal: SignedIn, session: ReadSession) -> EnterpriseOut:
    return await views.one(session, principal, await queries.get(session, enterprise_id))


@router.patch("/{enterprise_id}", summary="修改企业信息")
async def update(
    enterprise_id: EnterpriseId, body: EnterprisePatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> EnterpriseOut:
    fields = body.model_dump(exclude_unset=True, exclude={"area_id"})
    enterprise = await service.update(
        session, principal=principal, enterprise_id=enterprise_id, seen=if_match, area_id=body.area_id, fields=fields
    )
    return await views.one(session, principal, enterprise)


@router.post("/{enterprise_id}/headcounts", status_code=201, summary="登记某日从业人数")
async def record_headcount(
    enterprise_id: EnterpriseId, body: HeadcountIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> HeadcountOut:
    figure = await service.record_headcount(
        session, principal=principal, enterprise_id=enterprise_id, seen=if_match, on=body.on, headcount=body.headcount
    )
    return views.figure(figure)


@router.get("/{enterprise_id}/headcounts", summary="从业人数的历史")
async def headcounts(enterprise_id: EnterpriseId, principal: SignedIn, session: ReadSession, page: Paging) -> Page[HeadcountOut]:
    await queries.access_details(session, principal=principal, enterprise_id=enterprise_id)
    found = await queries.headcounts(session, enterprise_id=enterprise_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[HeadcountOut].model_validate(page_of([views.figure(row) for row in rows], cursor))
