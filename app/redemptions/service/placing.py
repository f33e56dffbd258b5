"""An order is placed: one transaction of few statements, the hottest row last.

Lock order: the member's usage row (of a limited reward), the order, the member's balance, the day's stock, the stock. All that an order is
refused for is looked at first, without a lock and in one statement; each limit is then kept by a conditional write that says by its
count of rows whether it held. Nothing waits for anything but the database.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import LimitReached
from app.points import service as points_service
from app.points.errors import RedemptionFrozen
from app.redemptions import workflow
from app.redemptions.models import Redemption, Status
from app.redemptions.service import coding
from app.rewards import queries as rewards_queries
from app.rewards import stock as rewards_stock
from app.rewards import workflow as rewards_workflow
from app.rewards.errors import OutOfStock, RewardNotAvailable
from app.rewards.queries import Offer
from app.stores.queries import Head

COLUMNS = sa.inspect(Redemption).local_table.c
# The order with the next number, if the member has fewer than `most` orders `since` then (null: no limit; ever).
ISSUE = Prepared(
    sa.text("""
insert into redemption (id, created_at, number, member_id, reward_id, reward_name, quantity, points, settlement_cents, status, code_sealed,
                        code_index, expires_at, stock_day, version)
select :id, :created_at, next_number('D'), :member_id, :reward_id, :reward_name, :quantity, :points, :settlement_cents, 'issued',
       :code_sealed, :code_index, :expires_at, :stock_day, 1
 where :most is null
    or :most > (select count(*) from redemption o
                 where o.member_id = :member_id and o.reward_id = :reward_id and o.status in ('issued', 'verified')
                   and o.created_at >= coalesce(:since, '-infinity'::timestamptz))
returning number""")
    .bindparams(
        *(sa.bindparam(name, type_=COLUMNS[name].type) for name in (
            "id", "created_at", "member_id", "reward_id", "reward_name", "quantity", "points", "settlement_cents", "code_sealed",
            "code_index", "expires_at", "stock_day",
        )),
        sa.bindparam("most", type_=sa.Integer), sa.bindparam("since", type_=sa.DateTime(timezone=True)),
    )
)
MEET = Prepared(
    sa.text("""
insert into reward_member_usage (reward_id, member_id) values (:reward_id, :member_id)
on conflict (reward_id, member_id) do update set member_id = excluded.member_id returning 1""")
    .bindparams(*(sa.bindparam(name, type_=sa.Uuid) for name in ("reward_id", "member_id")))
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A new order with all that its answer tells, the stores too: nothing more is asked for while rows are locked."""

    id: UUID
    created_at: datetime
    number: str
    reward_id: UUID
    reward_name: str
    quantity: int
    points: int
    code: str
    expires_at: datetime
    stores: list[Head]
    status: Status = Status.ISSUED
    confirmed_at: None = None
    ended_at: None = None
    version: int = 1


async def place(session: AsyncSession, *, principal: Principal, reward_id: UUID, quantity: int) -> Placed:
    """Orders a reward: points are held, stock is taken, a code is drawn.

    Raises NotFound, RewardNotAvailable, RedemptionFrozen, OutOfStock, LimitReached, InsufficientPoints, in this order.
    """
    offer = await rewards_queries.offer(session, reward_id, member_id=principal.account_id)
    _require_offered(offer, quantity)
    stock_day = None if offer.reward.stock_per_day is None else clock.local_day(offer.now)
    placed = await _issue(session, offer, principal.account_id, quantity, stock_day)
    await points_service.hold(
        session, member_id=principal.account_id, amount=placed.points, redemption_id=placed.id, number=placed.number
    )
    await audit_service.write(
        session, "redemption.place", object_kind="redemption", object_id=placed.id, area_path=offer.handing_out[0].area_path,
        reward_id=str(reward_id), quantity=quantity, points=placed.points,
    )
    await rewards_stock.take(
        session, reward=offer.reward, counted=offer.stock.left is not None, redemption_id=placed.id, quantity=quantity,
        day=stock_day,
    )
    return placed


def _require_offered(offer: Offer, quantity: int) -> None:
    reward = offer.reward
    if not offer.handing_out or not rewards_workflow.on_offer(reward, offer.now):
        raise RewardNotAvailable(opens_at=reward.opens_at, closes_at=reward.closes_at)
    if offer.level is not None and not rewards_workflow.may_order(reward, offer.level):
        raise RewardNotAvailable("您的积分等级暂不能兑换该商品", level=offer.level, levels=reward.levels)
    if offer.is_frozen:
        raise RedemptionFrozen
    lacking = offer.stock.lacks(quantity)
    if lacking is not None:
        raise OutOfStock("今日库存不足，明天再来" if "period" in lacking else None, **lacking)


async def _issue(session: AsyncSession, offer: Offer, member_id: UUID, quantity: int, stock_day: date | None) -> Placed:
    """Writes the order as of the instant of the offer, which decides on its days, if the member's limit leaves room for it.

    Two orders of one member for a limited reward meet at the usage row; whoever has it sees the other's order. Raises LimitReached.
    """
    reward, since, most = offer.reward, None, None
    if reward.per_member_count is not None and reward.per_member_period is not None:
        await _meet(session, reward.id, member_id)
        since, most = rewards_workflow.counted_since(reward.per_member_period, offer.now), reward.per_member_count
    row, points, expires_at = new_id(), reward.points * quantity, workflow.expiry(offer.now, reward.valid_days)
    code, code_sealed, code_index = coding.drawn(session, row)
    made = await ISSUE.first(
        session, id=row, created_at=offer.now, member_id=member_id, reward_id=reward.id, reward_name=reward.name, quantity=quantity,
        points=points, settlement_cents=reward.settlement_cents * quantity, code_sealed=code_sealed, code_index=code_index,
        expires_at=expires_at, stock_day=stock_day, since=since, most=most,
    )
    if made is None:
        raise LimitReached(limit=reward.per_member_count, period=reward.per_member_period)
    return Placed(row, offer.now, made["number"], reward.id, reward.name, quantity, points, code, expires_at, offer.stores)


async def _meet(session: AsyncSession, reward_id: UUID, member_id: UUID) -> None:
    await MEET.all(session, reward_id=reward_id, member_id=member_id)
