"""`/stores`: the shops, and who works there."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.areas.schemas import PlaceQuery
from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.auth.schemas import GrantOut, grant_out
from app.pagination import MAX_LIMIT, Nearest, Page, Paging, page_of
from app.stores import queries, service, views
from app.stores.models import StoreCategory
from app.stores.schemas import APART, StaffIn, StaffListOut, StoreIn, StoreOut, StorePatch

router = routing.router("/stores", tag="商家")
Radius = Annotated[int, Query(ge=1, le=50_000, description="半径（米）", examples=[2000])]
AreaId = Annotated[UUID | None, Query(description="只看该区域及下级")]
CategoryIs = Annotated[StoreCategory | None, Query(description="只看该类商家", examples=["restaurant"])]
OpenNow = Annotated[bool, Query(description="只看正在营业的")]


@router.post("", status_code=201, summary="新增合作商家")
async def create(body: StoreIn, principal: SignedIn, session: Session) -> StoreOut:
    store = await service.create(
        session, principal=principal, area_id=body.area_id, location=body.location, fields=body.model_dump(exclude=APART),
        upload_ids=body.upload_ids, special_days=body.special_days,
    )
    return await views.one(session, principal, store)


@router.get("", summary="商家列表")
async def stores(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: AreaId = None, category: CategoryIs = None
) -> Page[StoreOut]:
    path = await queries.area_path(session, area_id)
    found = await queries.stores(
        session, principal=principal, area_path=path, category=category, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda store: store.id)
    return Page[StoreOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/nearby", summary="附近商家，由近及远")
async def nearby(
    principal: SignedIn, session: ReadSession, place: PlaceQuery, radius_m: Radius = 2_000, category: CategoryIs = None,
    open_now: OpenNow = False, limit: Nearest = MAX_LIMIT,
) -> Page[StoreOut]:
    lng, lat = place.gcj02()
    found = await queries.nearby(
        session, lng=lng, lat=lat, radius_m=radius_m, category=category, open_now=open_now, limit=limit
    )
    items = await views.shown(session, principal, [store for store, _ in found], [metres for _, metres in found])
    return Page[StoreOut].model_validate(page_of(items, None))


@router.get("/{store_id}", summary="商家详情")
async def store(store_id: UUID, principal: SignedIn, session: ReadSession) -> StoreOut:
    return await views.one(session, principal, await queries.get(session, store_id))


@router.patch("/{store_id}", summary="修改商家信息")
async def update(store_id: UUID, body: StorePatch, principal: SignedIn, session: Session, if_match: IfMatch) -> StoreOut:
    fields: dict[str, Any] = body.model_dump(exclude_unset=True, exclude=APART)
    store = await service.update(
        session, principal=principal, store_id=store_id, seen=if_match, location=body.location, fields=fields,
        upload_ids=body.upload_ids, special_days=body.special_days,
    )
    return await views.one(session, principal, store)


@router.post("/{store_id}/staff", status_code=201, summary="添加店主或店员")
async def add_staff(store_id: UUID, body: StaffIn, principal: SignedIn, session: Session) -> GrantOut:
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    grant = await service.add_staff(session, principal=principal, store=store, phone=body.phone, role=body.role)
    return grant_out(grant, store.name)


@router.get("/{store_id}/staff", summary="本店人员")
async def staff(store_id: UUID, principal: SignedIn, session: ReadSession) -> StaffListOut:
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    return await views.staff(session, store)


@router.delete("/{store_id}/staff/{grant_id}", status_code=204, summary="移除本店人员，立即失效")
async def remove_staff(store_id: UUID, grant_id: UUID, principal: SignedIn, session: Session) -> Response:
    await service.remove_staff(session, principal=principal, store_id=store_id, grant_id=grant_id)
    return Response(status_code=204)
