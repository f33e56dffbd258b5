"""Every change of an order but those at the till (`till.py`): placed, confirmed, cancelled, expired.

Lock order: the member's or store's usage row, the order, the points, the reward's stock.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.errors import InvalidTransition, LimitReached, expect_version
from app.messages import service as messages_service
from app.points import service as points_service
from app.points.errors import RedemptionFrozen
from app.redemptions import codes, queries, workflow
from app.redemptions.models import Redemption, RedemptionText, RewardMemberUsage, Status, VerificationGuess
from app.rewards import queries as rewards_queries
from app.rewards import service as rewards_service
from app.rewards import workflow as rewards_workflow
from app.rewards.errors import OutOfStock, RewardNotAvailable
from app.rewards.models import Reward
from app.security import sealing

PAGE = "pages/redemptions/detail?id={id}"


async def place(session: AsyncSession, *, principal: Principal, reward_id: UUID, quantity: int) -> Redemption:
    """Orders a reward: points are held, stock is taken, a code is drawn.

    Raises NotFound, RewardNotAvailable, RedemptionFrozen, OutOfStock, LimitReached, InsufficientPoints, in this order.
    """
    offer = await rewards_queries.offer(session, reward_id, member_id=principal.account_id)
    reward = offer.reward
    stores = [store for store in (await rewards_queries.stores_of(session, [reward_id]))[reward_id] if not store.paused]
    if not stores or not rewards_workflow.on_offer(reward, offer.now):
        raise RewardNotAvailable(opens_at=reward.opens_at, closes_at=reward.closes_at)
    if offer.frozen_for(stores):
        raise RedemptionFrozen
    if offer.stock_left is not None and offer.stock_left < quantity:
        raise OutOfStock(stock_left=offer.stock_left)
    await _take_member_limit(session, reward, principal.account_id, offer.now)
    redemption = await _issue(session, reward, principal.account_id, quantity, offer.now)
    await points_service.hold(
        session, member_id=principal.account_id, amount=redemption.points, redemption_id=redemption.id, number=redemption.number
    )
    if offer.stock_left is not None:
        await rewards_service.take_stock(session, reward_id=reward_id, quantity=quantity)
    audit_service.record(
        session, "redemption.place", object_kind="redemption", object_id=redemption.id, area_path=stores[0].area_path,
        reward_id=str(reward_id), quantity=quantity, points=redemption.points,
    )
    await session.flush()
    return redemption


async def confirm(session: AsyncSession, *, principal: Principal, redemption_id: UUID, seen: int | None) -> Redemption:
    """The rider's own yes to a typed code; given again, it changes nothing. Raises NotFound, VersionMismatch, InvalidTransition."""
    redemption = await _lock_live(session, principal, redemption_id, seen)
    if redemption.confirmed_at is None:
        redemption.confirmed_at = await queries.now(session)
        redemption.version += 1
        session.add(redemption)
        audit_service.record(session, "redemption.confirm", object_kind="redemption", object_id=redemption.id)
        await session.flush()
    return redemption


async def cancel(session: AsyncSession, *, principal: Principal, redemption_id: UUID, seen: int | None) -> Redemption:
    """Points, stock and limit come back. Raises NotFound, VersionMismatch, InvalidTransition."""
    await _lock_live(session, principal, redemption_id, seen)
    await _end(session, redemption_id, Status.CANCELLED, reason="redemption_cancelled")
    return await queries.access_own(session, principal=principal, redemption_id=redemption_id, lock=True)


async def expire(session: AsyncSession, *, redemption_id: UUID) -> bool:
    """Ends an order whose time is over by the database's clock, gives everything back and tells the member. False: not (any more) due."""
    ended = await _end(session, redemption_id, Status.EXPIRED, reason="redemption_expired")
    if ended is None:
        return False
    await messages_service.send(
        session, member_id=ended.member_id, category="redemption", title="兑换单已过期，积分已退回",
        body=f"您兑换的“{ended.reward_name}”（{ended.number}）已过有效期，{ended.points} 积分已退回。",
        path=PAGE.format(id=redemption_id), reference=("redemption", redemption_id, ended.number),
    )
    return True


async def cancel_live(session: AsyncSession, *, member_id: UUID) -> int:
    """Cancels every live order of a member who leaves; returns how many."""
    cancelled = 0
    for redemption_id in await queries.live(session, member_id=member_id):
        cancelled += await _end(session, redemption_id, Status.CANCELLED, reason="redemption_cancelled") is not None
    return cancelled


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Cancels what is live, destroys the codes, empties the sentences; orders and verifications stay with ids and amounts."""
    await cancel_live(session, member_id=member_id)
    await session.exec(
        sa.update(Redemption)
        .where(col(Redemption.member_id) == member_id, col(Redemption.status) != Status.ISSUED)
        .values(code_sealed=None, code_index=None)
    )
    about = sa.or_(col(RedemptionText.member_id) == member_id, col(RedemptionText.author_id) == member_id)
    await session.exec(sa.update(RedemptionText).where(about).values(text=None, member_id=None))
    await session.exec(sa.update(VerificationGuess).where(col(VerificationGuess.actor_id) == member_id).values(actor_id=None))
    await session.exec(sa.delete(RewardMemberUsage).where(col(RewardMemberUsage.member_id) == member_id))


async def _lock_live(session: AsyncSession, principal: Principal, redemption_id: UUID, seen: int | None) -> Redemption:
    redemption = await queries.access_own(session, principal=principal, redemption_id=redemption_id, lock=True)
    expect_version(seen, redemption.version)
    if redemption.status is not Status.ISSUED:
        raise InvalidTransition(state=redemption.status, allowed=[])
    return redemption


async def _take_member_limit(session: AsyncSession, reward: Reward, member_id: UUID, now: datetime) -> None:
    """Two orders of one member for a limited reward meet at the usage row; whoever has it sees the other's order."""
    if reward.per_member_count is None or reward.per_member_period is None:
        return
    await session.exec(
        insert(RewardMemberUsage)
        .values(reward_id=reward.id, member_id=member_id)
        .on_conflict_do_update(index_elements=["reward_id", "member_id"], set_={"member_id": member_id})
    )
    since = rewards_workflow.counted_since(reward.per_member_period, now)
    ordered = await queries.orders_counted(session, member_id=member_id, reward_id=reward.id, since=since)
    if ordered >= reward.per_member_count:
        raise LimitReached(limit=reward.per_member_count, period=reward.per_member_period)


async def _issue(session: AsyncSession, reward: Reward, member_id: UUID, quantity: int, now: datetime) -> Redemption:
    """The order with its code, which is kept sealed and found by its keyed index only."""
    row, code = new_id(), codes.draw()
    redemption = Redemption(
        id=row, number=await next_number(session, "D"), member_id=member_id, reward_id=reward.id, reward_name=reward.name,
        quantity=quantity, points=reward.points * quantity, settlement_cents=reward.settlement_cents * quantity,
        code_sealed=sealing.seal(session, code, table="redemption", column="code", row=row),
        code_index=sealing.blind_index(session, code, purpose="redemption-code"),
        expires_at=workflow.expiry(now, reward.valid_days),
    )
    session.add(redemption)
    await session.flush()
    return redemption


async def _end(session: AsyncSession, redemption_id: UUID, status: Status, *, reason: str) -> Redemption | None:
    """Ends a live order (an expiry: only one whose time is over) and gives points and stock back; None when there is nothing to end."""
    due = col(Redemption.expires_at) <= queries.CLOCK if status is Status.EXPIRED else sa.true()
    done = await session.exec(
        sa.update(Redemption)
        .where(col(Redemption.id) == redemption_id, col(Redemption.status) == Status.ISSUED, due)
        .values(status=status, ended_at=queries.CLOCK, version=Redemption.version + 1)
        .returning(Redemption)
        .execution_options(populate_existing=True)
    )
    ended: Redemption | None = done.scalars().first()
    if ended is None:
        return None
    await points_service.release(
        session, member_id=ended.member_id, redemption_id=ended.id, number=ended.number, reason_code=reason
    )
    await rewards_service.return_stock(session, reward_id=ended.reward_id, quantity=ended.quantity)
    audit_service.record(
        session, "redemption.cancel" if status is Status.CANCELLED else "redemption.expire", object_kind="redemption", object_id=ended.id,
        points=ended.points,
    )
    return ended


def code_indexes(session: AsyncSession, code: str) -> list[bytes]:
    """What a code is found by: its index under any key of the ring. Codes are drawn from 2⁵⁵: no two orders share one by chance."""
    return sealing.blind_indexes(session, code, purpose="redemption-code")


def code_of(session: AsyncSession, redemption: Redemption) -> str | None:
    """The code as the member sees it, while the order is live."""
    if redemption.status is not Status.ISSUED or redemption.code_sealed is None:
        return None
    return codes.grouped(sealing.unseal(session, redemption.code_sealed, table="redemption", column="code", row=redemption.id))
