"""`/units`: 责任单位 and who belongs to them."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.units import queries, service, views
from app.units.schemas import MemberIn, MemberOut, UnitIn, UnitOut, UnitPatch

router = routing.router("/units", tag="责任单位")
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=["01933c5e-7a00-7000-8000-000000000001"])]
Active = Annotated[bool | None, Query(description="只看在用或停用的", examples=[True])]
Past = Annotated[bool, Query(description="连同已移出的人员", examples=[False])]
UnitId = Annotated[UUID, Path(description="责任单位编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]
MemberId = Annotated[UUID, Path(description="成员关系编号", examples=["01933c5e-7a00-7000-8000-000000000003"])]


@router.post("", status_code=201, summary="新增责任单位（区域管理员）")
async def create(body: UnitIn, principal: SignedIn, session: Session) -> UnitOut:
    unit = await service.create(session, principal=principal, area_id=body.area_id, fields=body.model_dump(exclude={"area_id"}))
    return await views.unit(session, principal, unit)


@router.get("", summary="责任单位列表（工作人员）")
async def units(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, active: Active = None
) -> Page[UnitOut]:
    found = await queries.units(session, principal=principal, area_id=area_id, active=active, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda unit: unit.id)
    return Page[UnitOut].model_validate(page_of(await views.units(session, principal, rows), cursor))


@router.get("/{unit_id}", summary="责任单位详情（工作人员）")
async def unit(unit_id: UnitId, principal: SignedIn, session: ReadSession) -> UnitOut:
    return await views.unit(session, principal, await queries.access(session, principal=principal, unit_id=unit_id))


@router.patch("/{unit_id}", summary="修改责任单位（区域管理员）")
async def update(unit_id: UnitId, body: UnitPatch, principal: SignedIn, session: Session, if_match: IfMatch) -> UnitOut:
    unit = await service.update(
        session, principal=principal, unit_id=unit_id, seen=if_match, fields=body.model_dump(exclude_unset=True)
    )
    return await views.unit(session, principal, unit)


@router.get("/{unit_id}/members", summary="责任单位的网格员（工作人员）")
async def members(unit_id: UnitId, principal: SignedIn, session: ReadSession, page: Paging, past: Past = False) -> Page[MemberOut]:
    unit = await queries.access(session, principal=principal, unit_id=unit_id)
    found = await queries.members(session, unit_id=unit_id, past=past, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[MemberOut].model_validate(page_of(await views.members(session, principal, unit, rows), cursor))


@router.post("/{unit_id}/members", status_code=201, summary="把网格员编入责任单位（区域管理员）")
async def add_member(unit_id: UnitId, body: MemberIn, principal: SignedIn, session: Session) -> MemberOut:
    row = await service.add_member(session, principal=principal, unit_id=unit_id, account_id=body.account_id)
    unit = await queries.access(session, principal=principal, unit_id=unit_id)
    return (await views.members(session, principal, unit, [row]))[0]


@router.delete("/{unit_id}/members/{member_id}", status_code=204, summary="把网格员移出责任单位（区域管理员）")
async def end_member(unit_id: UnitId, member_id: MemberId, principal: SignedIn, session: Session) -> Response:
    await service.end_member(session, principal=principal, unit_id=unit_id, member_id=member_id)
    return Response(status_code=204)
