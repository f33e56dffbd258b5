"""Every SELECT of rewards. What is on offer is public; what a store is paid is shown by `views` to administrators only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.points import queries_freezes, queries_levels
from app.rewards import workflow
from app.rewards.models import Reward, RewardKind, RewardNote, RewardSlot, RewardStock, RewardStockDay, RewardStockEntry, RewardStore
from app.rewards.workflow import Stock, Terms
from app.stores import queries as stores_queries
from app.stores.models import Store
from app.stores.queries import Head

CLOCK, TODAY = auth_queries.CLOCK, auth_queries.TODAY
MOST_ORDERED = 10  # of one reward in one order
TERMS = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as an order meets it, all of it read at once: who hands it out, what is left, and the instant by the database's clock.

    `handing_out`: those of its `stores` that are on offer now. `level`: the member's, where the reward asks for one. `frozen`: the books
    of the member's own area do not balance; `frozen_paths`: the areas where that is so, None almost always.
    """

    reward: Terms
    stores: list[Head]
    handing_out: list[Head]
    stock: Stock
    now: datetime
    level: int | None
    frozen: bool
    frozen_paths: list[str] | None

    @property
    def is_frozen(self) -> bool:
        """Nothing may be ordered now: by this member, or because none of the stores may hand it out."""
        paths = tuple(self.frozen_paths or ())
        return self.frozen or all(store.area_path.startswith(paths) for store in self.handing_out)


async def get(session: AsyncSession, reward_id: UUID) -> Reward:
    """Raises NotFound."""
    reward = await session.get(Reward, reward_id)
    if reward is None:
        raise NotFound
    return reward


async def offer(session: AsyncSession, reward_id: UUID, *, member_id: UUID) -> Offer:
    """One statement, fresh: a row for each store. Raises NotFound."""
    statement = _offer(clock.today())
    rows = await statement.all(session, reward_id=reward_id, member_id=member_id, year_ago=queries_levels.year_ago())
    if not rows:
        raise NotFound
    first = rows[0]
    heads = ((stores_queries.read_head(row), row["offered"]) for row in rows)
    stores = sorted(((store, offered) for store, offered in heads if store), key=lambda pair: _by_name(pair[0]))
    return Offer(
        Terms(*(first[name] for name in TERMS)), [store for store, _ in stores], [store for store, offered in stores if offered],
        Stock(first["all_left"], first["left_now"]), first["now"],
        None if first["told"] is None else queries_levels.read(first["told"]).level, first["frozen"], first["frozen_paths"],
    )


@lru_cache(maxsize=2)
def _offer(today: date) -> Prepared:
    """Put together once a day: that takes longer than asking it."""
    reward_id, member_id = (sa.bindparam(name, type_=sa.Uuid) for name in ("reward_id", "member_id"))
    year_ago = sa.bindparam("year_ago", type_=sa.DateTime(timezone=True))
    level = sa.case((col(Reward.levels).is_not(None), queries_levels.of_member(member_id, today=today, year_ago=year_ago)))
    left, left_today = _stock(reward_id, most=MOST_ORDERED)
    return Prepared(
        sa.select(
            *(getattr(Reward, name) for name in TERMS), *stores_queries.head(), stores_queries.offered(today).label("offered"),
            left.label("all_left"), left_today.label("left_now"), CLOCK.label("now"), level.label("told"),
            queries_freezes.over_member(member_id).label("frozen"), queries_freezes.open_paths().label("frozen_paths"),
        )
        .outerjoin(RewardStore, col(RewardStore.reward_id) == col(Reward.id))
        .outerjoin(Store, col(Store.id) == col(RewardStore.store_id))
        .where(col(Reward.id) == reward_id)
    )


async def stocks(session: AsyncSession, reward_ids: Collection[UUID]) -> dict[UUID, Stock]:
    """What is left of each of these rewards, as it is now."""
    if not reward_ids:
        return {}
    found = await session.exec(sa.select(col(Reward.id), *_stock(col(Reward.id))).where(col(Reward.id).in_(set(reward_ids))))
    return {row[0]: Stock(row[1], row[2]) for row in found.all()}


def _stock(reward_id: Any, *, most: int | None = None) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """What is left of the reward of a statement, in all and of today's stock. Free pieces are counted up to `most`: there may be many."""
    pieces = sa.select(sa.literal(1)).where(col(RewardSlot.reward_id) == reward_id, col(RewardSlot.redemption_id).is_(None)).limit(most)
    free = sa.select(sa.func.count()).select_from(pieces.correlate(Reward).subquery())
    figure = sa.select(col(RewardStock.stock_left)).where(col(RewardStock.reward_id) == reward_id)
    sold = sa.select(col(RewardStockDay.sold)).where(col(RewardStockDay.reward_id) == reward_id, col(RewardStockDay.day) == TODAY)
    of_today = sa.func.greatest(col(Reward.stock_per_day) - sa.func.coalesce(sold.scalar_subquery(), 0), 0)
    left = sa.case((col(Reward.flash), free.scalar_subquery()), else_=figure.scalar_subquery())
    return left, sa.case((col(Reward.stock_per_day).is_not(None), sa.func.least(of_today, left)))


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
    stores: dict[UUID, list[Store]] = {reward_id: [] for reward_id in reward_ids}
    if not reward_ids:
        return stores
    found = await session.exec(
        sa.select(col(RewardStore.reward_id), Store)
        .join(Store, col(Store.id) == col(RewardStore.store_id))
        .where(col(RewardStore.reward_id).in_(set(reward_ids)))
    )
    for reward_id, store in sorted(found.all(), key=lambda row: _by_name(row[1])):
        stores[reward_id].append(store)
    return stores


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


async def may_see_photo(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """Of a picture that has not passed the content check: who administers the reward."""
    return workflow.administers(principal, await store_paths(session, owner_id))


async def access_stock(session: AsyncSession, *, principal: Principal, reward_id: UUID) -> None:
    """Raises NotFound for who administers none of its stores, Forbidden for who administers only some."""
    paths = await store_paths(session, reward_id)
    if not any(workflow.administers(principal, [path]) for path in paths):
        raise NotFound
    if not workflow.administers(principal, paths):
        raise Forbidden


async def stock_entries(session: AsyncSession, *, reward_id: UUID, limit: int, after: UUID | None) -> Sequence[Any]:
    """The entries with their reasons and who made them, newest first, one more than `limit`."""
    statement = (
        sa.select(RewardStockEntry, col(RewardNote.text), sa.func.coalesce(col(RewardStockEntry.actor_id), col(RewardNote.author_id)))
        .outerjoin(RewardNote, col(RewardNote.id) == col(RewardStockEntry.note_id))
        .where(col(RewardStockEntry.reward_id) == reward_id)
    )
    if after is not None:
        statement = statement.where(col(RewardStockEntry.id) < after)
    found = await session.exec(statement.order_by(col(RewardStockEntry.id).desc()).limit(limit + 1))
    return found.all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What a person put into the stock of rewards or took out, and what the person wrote about it."""
    found = await session.exec(
        sa.select(col(RewardStockEntry.reward_id), col(RewardStockEntry.change), col(RewardNote.text), col(RewardStockEntry.created_at))
        .outerjoin(RewardNote, col(RewardNote.id) == col(RewardStockEntry.note_id))
        .where(sa.or_(col(RewardStockEntry.actor_id) == member_id, col(RewardNote.author_id) == member_id))
        .order_by(col(RewardStockEntry.id))
    )
    return {
        "stock_notes": [
            {"reward_id": str(reward_id), "change": change, "reason": text, "at": at.isoformat()}
            for reward_id, change, text, at in found.all()
        ]
    }


def _by_name(store: Store | Head) -> tuple[str, UUID]:
    return store.name, store.id


def _handed_out(where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(col(RewardStore.reward_id) == col(Reward.id), where)
