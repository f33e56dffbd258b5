"""Every change of rewards; that of their stock stands in `stock.py`.

Lock order: the reward, its photos, the stock. An order takes from the stock last of all: many people wait for that one row.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import AccountKind, Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound, ValidationFailed, expect_version
from app.rewards import queries
from app.rewards import stock as rewards_stock
from app.rewards.models import Reward, RewardNote, RewardStore
from app.stores import queries as stores_queries
from app.stores.models import Store
from app.uploads import service as uploads_service

PHOTO = "reward"  # the kind of its pictures


async def create(
    session: AsyncSession, *, principal: Principal, store_ids: Collection[UUID], stock: int | None, fields: Mapping[str, Any],
    upload_ids: Sequence[UUID] = (),
) -> Reward:
    """Adds a reward; `stock` None is unlimited.

    Raises Forbidden for who administers no area, NotFound when a store is unknown or outside the caller's areas, and what
    `uploads.arrange` raises.
    """
    if not principal.has(Role.AREA_ADMIN):
        raise Forbidden
    stores = await _administered_stores(session, principal, store_ids)
    reward = Reward(**fields)
    session.add(reward)
    await session.flush()
    session.add_all(RewardStore(reward_id=reward.id, store_id=store.id, area_path=store.area_path) for store in stores)
    if upload_ids:
        await _set_photos(session, principal, reward.id, upload_ids)
    if stock is not None:
        await rewards_stock.begin(session, principal=principal, reward=reward, stock=stock)
    audit_service.record(
        session, "reward.create", object_kind="reward", object_id=reward.id, area_path=stores[0].area_path, points=reward.points,
        stock=stock, settlement_cents=reward.settlement_cents, flash=reward.flash,
    )
    await session.flush()
    return reward


async def update(
    session: AsyncSession, *, principal: Principal, reward_id: UUID, seen: int | None, fields: Mapping[str, Any],
    store_ids: Collection[UUID] | None, stock_change: int | None, reason: str | None, upload_ids: Sequence[UUID] | None = None,
) -> Reward:
    """Changes what is given, for later orders only.

    Raises NotFound, Forbidden, VersionMismatch, ValidationFailed, OutOfStock when more is taken out than is left, Conflict for an
    unlimited reward's stock, and what `uploads.arrange` raises.
    """
    reward = await queries.access_administered(session, principal=principal, reward_id=reward_id)
    expect_version(seen, reward.version)
    for name, value in fields.items():
        setattr(reward, name, value)
    if reward.opens_at and reward.closes_at and reward.opens_at >= reward.closes_at:
        raise ValidationFailed.of("body", "closes_at", msg="开始时间应早于结束时间", kind="closes_at")
    if reward.flash and reward.stock_per_day is not None:
        raise ValidationFailed.of("body", "stock_per_day", msg="限时抢购商品不设每日库存", kind="stock_per_day")
    reward.version += 1
    session.add(reward)
    await session.flush()
    if store_ids is not None:
        await _set_stores(session, principal, reward_id, store_ids)
    if upload_ids is not None:
        await _set_photos(session, principal, reward_id, upload_ids)
    if stock_change is not None:
        await rewards_stock.change(session, principal=principal, reward=reward, change=stock_change, reason=reason)
    paths = await queries.store_paths(session, reward_id)
    audit_service.record(
        session, "reward.update", object_kind="reward", object_id=reward.id, area_path=min(paths), fields=sorted(fields),
        stock_change=stock_change, stores=None if store_ids is None else [str(store_id) for store_id in store_ids],
    )
    await session.flush()
    return reward


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


async def _set_photos(session: AsyncSession, principal: Principal, reward_id: UUID, upload_ids: Sequence[UUID]) -> None:
    """Whoever puts pictures of a thing that everybody sees on answers for what they show."""
    await uploads_service.arrange(
        session, upload_ids=upload_ids, member_id=principal.account_id, kind=PHOTO, owner_id=reward_id
    )
    await uploads_service.vouch(session, upload_ids=upload_ids, without_check=principal.kind is AccountKind.CONSOLE)
