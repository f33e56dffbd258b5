"""`/rewards`: what points buy."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.rewards import queries, service, views
from app.rewards.models import RewardKind
from app.rewards.schemas import RewardIn, RewardOut, RewardPatch, StockEntryOut
from app.stores import queries as stores_queries

router = routing.router("/rewards", tag="商品")
ByArea = Annotated[UUID | None, Query(description="只看该区域及下级的商家")]
ByStore = Annotated[UUID | None, Query(description="只看该商家")]
ByKind = Annotated[RewardKind | None, Query(description="类别")]
APART = {"store_ids", "stock", "stock_change", "reason", "upload_ids"}  # fields of a body that are no columns


@router.post("", status_code=201, summary="新增可兑换商品")
async def create(body: RewardIn, principal: SignedIn, session: Session) -> RewardOut:
    fields = views.columns(body.model_dump(exclude=APART))
    reward = await service.create(
        session, principal=principal, store_ids=body.store_ids, stock=body.stock, fields=fields, upload_ids=body.upload_ids
    )
    return await views.one(session, principal, reward)


@router.get("", summary="可兑换商品列表")
async def rewards(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: ByArea = None, store_id: ByStore = None, kind: ByKind = None
) -> Page[RewardOut]:
    path = await stores_queries.area_path(session, area_id)
    found = await queries.rewards(
        session, principal=principal, area_path=path, store_id=store_id, kind=kind, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda reward: reward.id)
    return Page[RewardOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/{reward_id}", summary="商品详情")
async def reward(reward_id: UUID, principal: SignedIn, session: ReadSession) -> RewardOut:
    return await views.one(session, principal, await queries.get(session, reward_id))


@router.patch("/{reward_id}", summary="修改商品、暂停或调整库存")
async def update(reward_id: UUID, body: RewardPatch, principal: SignedIn, session: Session, if_match: IfMatch) -> RewardOut:
    fields = views.columns(body.model_dump(exclude_unset=True, exclude=APART))
    reward = await service.update(
        session, principal=principal, reward_id=reward_id, seen=if_match, fields=fields, store_ids=body.store_ids,
        stock_change=body.stock_change, reason=body.reason, upload_ids=body.upload_ids,
    )
    return await views.one(session, principal, reward)


@router.get("/{reward_id}/stock-entries", summary="商品的库存调整记录")
async def stock_entries(reward_id: UUID, principal: SignedIn, session: ReadSession, page: Paging) -> Page[StockEntryOut]:
    await queries.access_stock(session, principal=principal, reward_id=reward_id)
    found = await queries.stock_entries(session, reward_id=reward_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    return Page[StockEntryOut].model_validate(page_of(await views.stock_entries(session, rows), cursor))
