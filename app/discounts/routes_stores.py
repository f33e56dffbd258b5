"""`/stores/{id}/discounts` and `/stores/{id}/visits`: what a store gives its members, a member's code at its till, and the totals."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.discounts import queries, service, views
from app.discounts.schemas import DiscountIn, DiscountOut, VisitIn, VisitOut, VisitTotalsOut
from app.pagination import Page, Paging, page_of
from app.schemas import Day
from app.stores import queries as stores_queries

router = routing.router("/stores", tag="会员优惠")
StoreId = Annotated[UUID, Path(description="商家编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]
From = Annotated[Day | None, Query(alias="from", description="开始日期（含）", examples=["2026-11-01"])]
To = Annotated[Day | None, Query(description="结束日期（含）", examples=["2026-11-30"])]


@router.post("/{store_id}/visits", summary="扫会员码：查看或给予会员优惠（本店人员）")
@policy(key="required")
async def visit(store_id: StoreId, body: VisitIn, principal: SignedIn, session: Session) -> VisitOut:
    done = await service.receive(session, principal=principal, store_id=store_id, token=body.token, discount_id=body.discount_id)
    return await views.visit(session, done)


@router.get("/{store_id}/visits", summary="会员优惠使用次数，按天合计（店主、区域管理员）")
async def totals(
    store_id: StoreId, principal: SignedIn, session: ReadSession, first: From = None, to: To = None
) -> VisitTotalsOut:
    await stores_queries.access_run(session, principal=principal, store_id=store_id)
    return views.totals(await queries.totals(session, store_id=store_id, first=first, last=to))


@router.post("/{store_id}/discounts", status_code=201, summary="新增会员优惠（店主、区域管理员）")
async def add(store_id: StoreId, body: DiscountIn, principal: SignedIn, session: Session) -> DiscountOut:
    discount = await service.add(session, principal=principal, store_id=store_id, fields=body.model_dump())
    return await views.one(session, principal, discount)


@router.get("/{store_id}/discounts", summary="商家的会员优惠")
async def discounts(store_id: StoreId, principal: SignedIn, session: ReadSession, page: Paging) -> Page[DiscountOut]:
    store = await stores_queries.get(session, store_id)
    found, day = await queries.discounts(session, principal=principal, store=store, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[DiscountOut].model_validate(page_of(views.shown(principal, store, rows, day), cursor))
