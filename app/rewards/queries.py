"""Every SELECT of rewards. What is on offer is public; what a store is paid is shown by `views` to administrators only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.points import queries_freezes
from app.rewards import workflow
from app.rewards.models import Reward, RewardKind, RewardNote, RewardStock, RewardStockEntry, RewardStore
from app.stores import queries as stores_queries
from app.stores.models import Store

CLOCK = sa.func.clock_timestamp()


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as an order meets it: what is left (None: unlimited), and the instant by the database's clock.

    `frozen`: the books of the member's own area do not balance; `frozen_paths`: the areas where that is so, None almost always.
    """

    reward: Reward
    stock_left: int | None
    now: datetime
    frozen: bool
    frozen_paths: list[str] | None

    def frozen_for(self, stores: Collection[Store]) -> bool:
        """Nothing may be ordered now: by this member, or because none of the stores may hand it out."""
        paths = tuple(self.frozen_paths or ())
        return self.frozen or all(store.area_path.startswith(paths) for store in stores)


async def get(session: AsyncSession, reward_id: UUID) -> Reward:
    """Raises NotFound."""
    reward = await session.get(Reward, reward_id)
    if reward is None:
        raise NotFound
    return reward


async def offer(session: AsyncSession, reward_id: UUID, *, member_id: UUID) -> Offer:
    """One row, fresh. Raises NotFound."""
    found = await session.exec(
        sa.select(
            Reward, col(RewardStock.stock_left), CLOCK, queries_freezes.over_member(sa.literal(member_id, sa.Uuid)),
            queries_freezes.open_paths(),
        )
        .outerjoin(RewardStock, col(RewardStock.reward_id) == col(Reward.id))
        .where(col(Reward.id) == reward_id)
        .execution_options(populate_existing=True)
    )
    row = found.first()
    if row is None:
        raise NotFound
    return Offer(*row)


async def access_administered(session: AsyncSession, *, principal: Principal, reward_id: UUID) -> Reward:
    """Locks a reward for a change; orders go on meanwhile. Raises NotFound for an unknown one, Forbidden for anybody else's."""
    found = await session.exec(
        sa.select(Reward).where(col(Reward.id) == reward_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    reward: Reward | None = found.scalars().first()
    if reward is None:
        raise NotFound
    if not workflow.administers(principal, await store_paths(session, reward_id)):
        raise Forbidden
    return reward


async def store_paths(session: AsyncSession, reward_id: UUID) -> list[str]:
    found = await session.exec(sa.select(col(RewardStore.area_path)).where(col(RewardStore.reward_id) == reward_id))
    return list(found.scalars().all())


async def stores_of(session: AsyncSession, reward_ids: Collection[UUID]) -> dict[UUID, list[Store]]:
    """The stores of each reward, by name."""
    if not reward_ids:
        return {}
    found = await session.exec(
        sa.select(col(RewardStore.reward_id), col(RewardStore.store_id)).where(col(RewardStore.reward_id).in_(set(reward_ids)))
    )
    pairs = found.all()
    known = await stores_queries.by_ids(session, {store_id for _, store_id in pairs})
    stores: dict[UUID, list[Store]] = {reward_id: [] for reward_id in reward_ids}
    for reward_id, store_id in pairs:
        stores[reward_id].append(known[store_id])
    return {reward_id: sorted(listed, key=lambda store: (store.name, store.id)) for reward_id, listed in stores.items()}


async def stock_left(session: AsyncSession, reward_ids: Collection[UUID]) -> dict[UUID, int]:
    """What is left of each counted reward; unlimited ones are left out."""
    if not reward_ids:
        return {}
    found = await session.exec(
        sa.select(col(RewardStock.reward_id), col(RewardStock.stock_left)).where(col(RewardStock.reward_id).in_(set(reward_ids)))
    )
    return {row[0]: row[1] for row in found.all()}


async def rewards(
    session: AsyncSession, *, principal: Principal, area_path: str | None, store_id: UUID | None, kind: RewardKind | None, limit: int,
    after: UUID | None,
) -> Sequence[Reward]:
    """Newest first, one more than `limit`. What is paused or over is shown to administrators of one of its stores only."""
    over = sa.and_(col(Reward.closes_at).is_not(None), col(Reward.closes_at) <= CLOCK)
    statement = sa.select(Reward).where(
        sa.or_(
            sa.and_(col(Reward.paused).is_(False), sa.not_(over)),
            _handed_out(within(col(RewardStore.area_path), principal.area_paths(Role.AREA_ADMIN))),
        )
    )
    if area_path is not None:
        statement = statement.where(_handed_out(within(col(RewardStore.area_path), [area_path])))
    if store_id is not None:
        statement = statement.where(_handed_out(col(RewardStore.store_id) == store_id))
    if kind is not None:
        statement = statement.where(col(Reward.kind) == kind)
    if after is not None:
        statement = statement.where(col(Reward.id) < after)
    found = await session.exec(statement.order_by(col(Reward.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """The sentences that a person wrote about the stock of rewards."""
    found = await session.exec(
        sa.select(col(RewardStockEntry.reward_id), col(RewardStockEntry.change), col(RewardNote.text), col(RewardNote.created_at))
        .join(RewardNote, col(RewardNote.id) == col(RewardStockEntry.note_id))
        .where(col(RewardNote.author_id) == member_id)
        .order_by(col(RewardNote.id))
    )
    return {
        "stock_notes": [
            {"reward_id": str(reward_id), "change": change, "reason": text, "at": at.isoformat()}
            for reward_id, change, text, at in found.all()
        ]
    }


def _handed_out(where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(col(RewardStore.reward_id) == col(Reward.id), where)
