"""`/areas`: the tree, open to everybody; changed by administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.areas import queries, service, views
from app.areas.schemas import AreaIn, AreaOut, AreaPatch, LocatedArea, PlaceQuery
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of

router = routing.router("/areas", tag="区划与网格")
Above = Annotated[UUID | None, Query(description="上级区域", examples=["01933c5e-7a00-7000-8000-000000000001"])]


@router.get("", summary="下级区域；不带上级时为各地的根")
@policy(public=True)
async def areas(session: ReadSession, page: Paging, parent_id: Above = None) -> Page[AreaOut]:
    found = await queries.children(session, parent_id=parent_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda area: area.id)
    return Page[AreaOut].model_validate(page_of([views.shown(area) for area in rows], cursor))


@router.post("", status_code=201, summary="新增区域")
async def create(body: AreaIn, principal: SignedIn, session: Session) -> AreaOut:
    return views.shown(await service.create(session, principal=principal, body=body), principal)


@router.get("/locate", summary="某个位置所在的各级区域，由上到下")
@policy(public=True)
async def locate(place: PlaceQuery, session: ReadSession) -> Page[LocatedArea]:
    lng, lat = place.gcj02()
    chain = await queries.chain_at(session, lng=lng, lat=lat)
    return Page[LocatedArea].model_validate(page_of([views.located(area) for area in chain], None))


@router.get("/{area_id}", summary="区域详情")
@policy(public=True)
async def area(area_id: UUID, session: ReadSession) -> AreaOut:
    return views.shown(await queries.get(session, area_id))


@router.patch("/{area_id}", summary="修改区域名称、中心点或边界")
async def update(area_id: UUID, body: AreaPatch, principal: SignedIn, session: Session, if_match: IfMatch) -> AreaOut:
    return views.shown(await service.update(session, principal=principal, area_id=area_id, seen=if_match, body=body), principal)
