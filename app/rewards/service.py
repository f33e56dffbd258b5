"""Every change of rewards and of their stock.

Lock order: the reward, then the stock. An order takes from the stock last of all: many people wait for that one row.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Conflict, Forbidden, NotFound, ValidationFailed, expect_version
from app.rewards import queries
from app.rewards.errors import OutOfStock
from app.rewards.models import Reward, RewardNote, RewardStock, RewardStockEntry, RewardStore
from app.stores import queries as stores_queries
from app.stores.models import Store

MOST_LEFT = 1_000_000_000


async def create(
    session: AsyncSession, *, principal: Principal, store_ids: Collection[UUID], stock: int | None, fields: Mapping[str, Any]
) -> Reward:
    """Adds a reward; `stock` None is unlimited.

    Raises Forbidden for who administers no area, NotFound when a store is unknown or outside the caller's areas.
    """
    if not principal.has(Role.AREA_ADMIN):
        raise Forbidden
    stores = await _administered_stores(session, principal, store_ids)
    reward = Reward(**fields)
    session.add(reward)
    await session.flush()
    session.add_all(RewardStore(reward_id=reward.id, store_id=store.id, area_path=store.area_path) for store in stores)
    if stock is not None:
        session.add(RewardStock(reward_id=reward.id, stock_left=stock))
        session.add(RewardStockEntry(reward_id=reward.id, change=stock))
    audit_service.record(
        session, "reward.create", object_kind="reward", object_id=reward.id, area_path=stores[0].area_path, points=reward.points,
        stock=stock, settlement_cents=reward.settlement_cents,
    )
    await session.flush()
    return reward


async def update(
    session: AsyncSession, *, principal: Principal, reward_id: UUID, seen: int | None, fields: Mapping[str, Any],
    store_ids: Collection[UUID] | None, stock_change: int | None, reason: str | None,
) -> Reward:
    """Changes what is given, for later orders only.

    Raises NotFound, Forbidden, VersionMismatch, ValidationFailed, OutOfStock when more is taken out than is left, Conflict for an
    unlimited reward's stock.
    """
    reward = await queries.access_administered(session, principal=principal, reward_id=reward_id)
    expect_version(seen, reward.version)
    for name, value in fields.items():
        setattr(reward, name, value)
    if reward.opens_at and reward.closes_at and reward.opens_at >= reward.closes_at:
        raise ValidationFailed.of("body", "closes_at", msg="开始时间应早于结束时间", kind="closes_at")
    reward.version += 1
    session.add(reward)
    await session.flush()
    if store_ids is not None:
        await _set_stores(session, principal, reward_id, store_ids)
    if stock_change is not None:
        await _change_stock(session, principal, reward_id, stock_change, reason)
    paths = await queries.store_paths(session, reward_id)
    audit_service.record(
        session, "reward.update", object_kind="reward", object_id=reward.id, area_path=min(paths), fields=sorted(fields),
        stock_change=stock_change, stores=None if store_ids is None else [str(store_id) for store_id in store_ids],
    )
    await session.flush()
    return reward


async def take_stock(session: AsyncSession, *, reward_id: UUID, quantity: int) -> None:
    """Takes from a counted reward what an order needs; the row stays locked, so call it last. Raises OutOfStock with `stock_left`."""
    taken = await session.exec(
        sa.update(RewardStock)
        .where(col(RewardStock.reward_id) == reward_id, col(RewardStock.stock_left) >= quantity)
        .values(stock_left=RewardStock.stock_left - quantity)
    )
    if not taken.rowcount:
        raise OutOfStock(stock_left=(await queries.stock_left(session, [reward_id])).get(reward_id, 0))


async def return_stock(session: AsyncSession, *, reward_id: UUID, quantity: int) -> None:
    """Gives back what an order had taken; an unlimited reward has no row, and nothing happens."""
    await session.exec(
        sa.update(RewardStock)
        .where(col(RewardStock.reward_id) == reward_id)
        .values(stock_left=RewardStock.stock_left + quantity)
    )


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties the sentences that a person wrote; the history of the stock stays."""
    await session.exec(sa.update(RewardNote).where(col(RewardNote.author_id) == member_id).values(text=None))


async def _administered_stores(session: AsyncSession, principal: Principal, store_ids: Collection[UUID]) -> list[Store]:
    stores = await stores_queries.by_ids(session, store_ids)
    inside = [store for store in stores.values() if principal.covers(store.area_path, Role.AREA_ADMIN)]
    if len(inside) != len(set(store_ids)):
        raise NotFound
    return sorted(inside, key=lambda store: store.id)


async def _set_stores(session: AsyncSession, principal: Principal, reward_id: UUID, store_ids: Collection[UUID]) -> None:
    stores = await _administered_stores(session, principal, store_ids)
    await session.exec(sa.delete(RewardStore).where(col(RewardStore.reward_id) == reward_id))
    session.add_all(RewardStore(reward_id=reward_id, store_id=store.id, area_path=store.area_path) for store in stores)
    await session.flush()


async def _change_stock(session: AsyncSession, principal: Principal, reward_id: UUID, change: int, reason: str | None) -> None:
    changed = await session.exec(
        sa.update(RewardStock)
        .where(col(RewardStock.reward_id) == reward_id, sa.between(col(RewardStock.stock_left) + change, 0, MOST_LEFT))
        .values(stock_left=RewardStock.stock_left + change)
    )
    if not changed.rowcount:
        left = (await queries.stock_left(session, [reward_id])).get(reward_id)
        raise Conflict("该商品不限量，没有库存可调整") if left is None else OutOfStock(stock_left=left)
    note = None
    if reason is not None:
        note = RewardNote(author_id=principal.account_id, text=reason)
        session.add(note)
        await session.flush()
    session.add(RewardStockEntry(reward_id=reward_id, change=change, note_id=note.id if note else None))
