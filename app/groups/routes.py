"""`/groups`: the WeChat groups of communities, for their members and for who keeps the register."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.groups import queries, service, views
from app.groups.schemas import APART, GroupFiguresOut, GroupIn, GroupOut, GroupPatch
from app.pagination import Page, Paging, page_of

router = routing.router("/groups", tag="社区微信群")
EXAMPLE = "01933c5e-7a00-7000-8000-000000000001"
GroupId = Annotated[UUID, Path(description="编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=[EXAMPLE])]
Of = Annotated[UUID, Query(description="哪个区域", examples=[EXAMPLE])]
Active = Annotated[bool | None, Query(description="只看在用或停用的", examples=[True])]


@router.get("", summary="我所在社区的微信群")
async def groups(principal: SignedIn, session: ReadSession, page: Paging) -> Page[GroupOut]:
    found = await queries.of_my_community(session, member_id=principal.account_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[GroupOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.post("", status_code=201, summary="登记微信群（审核员、区域管理员）")
async def create(body: GroupIn, principal: SignedIn, session: Session) -> GroupOut:
    row = await service.create(
        session, principal=principal, area_id=body.area_id, upload_ids=body.upload_ids, fields=body.model_dump(exclude=APART)
    )
    return await views.one(session, principal, row)


@router.get("/managed", summary="辖区内的微信群（审核员、区域管理员）")
async def managed(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, active: Active = None
) -> Page[GroupOut]:
    found = await queries.kept(session, principal=principal, area_id=area_id, active=active, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[GroupOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/figures", summary="各区域的微信群数和人数")
async def figures(principal: SignedIn, session: ReadSession, area_id: Of) -> GroupFiguresOut:
    return views.figures(await queries.figures(session, principal=principal, area_id=area_id))


@router.get("/{group_id}", summary="微信群详情")
async def group(group_id: GroupId, principal: SignedIn, session: ReadSession) -> GroupOut:
    return await views.one(session, principal, await queries.access(session, principal=principal, group_id=group_id))


@router.patch("/{group_id}", summary="修改微信群，停用或更新人数")
async def update(group_id: GroupId, body: GroupPatch, principal: SignedIn, session: Session, if_match: IfMatch) -> GroupOut:
    row = await service.update(
        session, principal=principal, group_id=group_id, seen=if_match, upload_ids=body.upload_ids,
        fields=body.model_dump(exclude_unset=True, exclude=APART),
    )
    return await views.one(session, principal, row)
