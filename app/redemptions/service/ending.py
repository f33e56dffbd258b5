"""An order that was placed: confirmed, cancelled, expired, forgotten.

Exactly one of cancel, expire and verify wins: each is ONE conditional update of a live order, and who finds none gives nothing back.
Lock order: the order, the member's balance, the day's stock, the stock.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import InvalidTransition, expect_version
from app.points import service as points_service
from app.redemptions import notices, queries
from app.redemptions.models import Redemption, RedemptionText, RewardMemberUsage, Status, VerificationGuess
from app.rewards import stock as rewards_stock
from app.rewards.models import Reward


async def confirm(session: AsyncSession, *, principal: Principal, redemption_id: UUID, seen: int | None) -> Redemption:
    """The rider's own yes to a typed code; given again, it changes nothing. Raises NotFound, VersionMismatch, InvalidTransition."""
    redemption = await queries.access_own(session, principal=principal, redemption_id=redemption_id, lock=True)
    _require_live(redemption, seen)
    if redemption.confirmed_at is None:
        redemption.confirmed_at = await queries.now(session)
        redemption.version += 1
        session.add(redemption)
        audit_service.record(session, "redemption.confirm", object_kind="redemption", object_id=redemption.id)
        await session.flush()
    return redemption


async def cancel(session: AsyncSession, *, principal: Principal, redemption_id: UUID, seen: int | None) -> Redemption:
    """Points, stock and limit come back. Raises NotFound, VersionMismatch, InvalidTransition."""
    asked = [col(Redemption.member_id) == principal.account_id]
    if seen is not None:
        asked.append(col(Redemption.version) == seen)
    ended = await _end(session, redemption_id, Status.CANCELLED, *asked)
    if ended is None:
        _require_live(await queries.access_own(session, principal=principal, redemption_id=redemption_id, lock=True), seen)
        # It was verified when the statement met it, and has been undone since. Now the row is locked and live.
        ended = await _end(session, redemption_id, Status.CANCELLED, *asked)
    assert ended is not None
    return ended


async def expire(session: AsyncSession, *, redemption_id: UUID) -> bool:
    """Ends an order whose time is over by the database's clock, gives everything back and tells the member. False: not (any more) due."""
    ended = await _end(session, redemption_id, Status.EXPIRED, col(Redemption.expires_at) <= queries.CLOCK)
    if ended is None:
        return False
    body = f"您兑换的“{ended.reward_name}”（{ended.number}）已过有效期，{ended.points} 积分已退回。"
    await notices.tell(session, ended.member_id, redemption_id, ended.number, "兑换单已过期，积分已退回", body)
    return True


async def cancel_live(session: AsyncSession, *, member_id: UUID) -> int:
    """Cancels every live order of a member who leaves; returns how many."""
    cancelled = 0
    for redemption_id in await queries.live(session, member_id=member_id):
        cancelled += await _end(session, redemption_id, Status.CANCELLED) is not None
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


def _require_live(redemption: Redemption, seen: int | None) -> None:
    expect_version(seen, redemption.version)
    if redemption.status is not Status.ISSUED:
        raise InvalidTransition(state=redemption.status, allowed=[])


async def _end(session: AsyncSession, redemption_id: UUID, status: Status, *asked: sa.ColumnElement[bool]) -> Redemption | None:
    """Ends a live order of which all that is `asked` holds, and gives points and stock back; None when there is nothing to end."""
    flash = sa.select(col(Reward.flash)).where(col(Reward.id) == col(Redemption.reward_id)).scalar_subquery()
    done = await session.exec(
        sa.update(Redemption)
        .where(col(Redemption.id) == redemption_id, col(Redemption.status) == Status.ISSUED, *asked)
        .values(status=status, ended_at=queries.CLOCK, version=Redemption.version + 1)
        .returning(Redemption, flash)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    row = done.first()
    if row is None:
        return None
    ended: Redemption = row[0]
    await points_service.release(
        session, member_id=ended.member_id, redemption_id=ended.id, number=ended.number, reason_code=f"redemption_{status.value}"
    )
    audit_service.record(
        session, "redemption.cancel" if status is Status.CANCELLED else "redemption.expire", object_kind="redemption", object_id=ended.id,
        points=ended.points,
    )
    await session.flush()
    await rewards_stock.give_back(
        session, reward_id=ended.reward_id, flash=row[1], redemption_id=ended.id, quantity=ended.quantity, day=ended.stock_day
    )
    return ended
