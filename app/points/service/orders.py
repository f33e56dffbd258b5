"""The points of an order: held when it is placed, captured when it is verified, held again by an undo, released when it ends."""

from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.points import ledger, queries, workflow
from app.points.errors import InsufficientPoints
from app.points.ledger import Cause, Leg, Reference, Shift
from app.points.models import Kind, LedgerAccount
from app.points.service import lapsing
from app.points.service.moving import AVAILABLE, DEBT, HELD
from app.points.workflow import Part


async def hold(session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str) -> None:
    """Sets points aside for an order, soonest to expire first.

    Raises:
        InsufficientPoints: with `available` and `needed`.
    """
    balance = await ledger.lock(session, member_id)
    lots, lapsed = await lapsing.good_lots(session, member_id)
    parts, missing = workflow.take(lots, amount)
    if missing:
        raise InsufficientPoints(available=balance.available - lapsed, needed=amount)
    legs = [leg for part in parts for leg in (Leg(AVAILABLE, -part.points, part.lot_id), Leg(HELD, part.points, part.lot_id))]
    await ledger.post(
        session, member_id=member_id, kind=Kind.HOLD, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause("redemption_placed", actor_id=member_id), shifts=ledger.drawn(parts),
    )


async def capture(
    session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str, actor_id: UUID, store_id: UUID, month: date,
    held: Sequence[Part] | None = None,
) -> None:
    """Spends what was held for an order that was verified at a store in a month. The caller's state change lets it happen once.

    `held`: what the caller has read along with the order (`queries_held`); it is read here otherwise.
    """
    await acting.work_on(session, member_id, Reason.LEDGER)
    if held is None:
        held = await _parts(session, redemption_id)
    legs = [*_held(held, amount, -1), Leg(LedgerAccount.REDEEMED, amount, store_id=store_id, month=month)]
    await ledger.post(
        session, member_id=member_id, kind=Kind.CAPTURE, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause("redemption_verified", actor_id=actor_id),
    )


async def reverse_capture(
    session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str, actor_id: UUID, store_id: UUID, month: date
) -> None:
    """Undo: the points are held again for the same order, and leave the store and the month of the verification that is taken back."""
    await acting.work_on(session, member_id, Reason.LEDGER)
    held = await _parts(session, redemption_id)
    legs = [Leg(LedgerAccount.REDEEMED, -amount, store_id=store_id, month=month), *_held(held, amount, 1)]
    await ledger.post(
        session, member_id=member_id, kind=Kind.REVERSE, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause("redemption_undone", actor_id=actor_id),
    )


async def release(session: AsyncSession, *, member_id: UUID, redemption_id: UUID, number: str, reason_code: str) -> None:
    """Returns what was held for an order to the lots it came from; a debt takes its share first.

    A lot keeps its last day; where that is over it has a few days more, for what comes back alone: its rest lapses before.
    `reason_code` is `redemption_cancelled` or `redemption_expired`.
    """
    balance = await ledger.lock(session, member_id)
    held = await queries.held_lots(session, redemption_id=redemption_id)
    await lapsing.lapse_over(session, member_id, [lot for lot, _ in held])
    parts = [Part(lot.id, points) for lot, points in held]
    rest, settled = workflow.give_back(parts, balance.debt)
    last_days = {lot.id: workflow.returned_lot_expiry(lot.expires_on, balance.today) for lot, _ in held}
    legs = [Leg(HELD, -part.points, part.lot_id) for part in parts] + [Leg(AVAILABLE, part.points, part.lot_id) for part in rest]
    if settled:
        legs.append(Leg(DEBT, settled))
    await ledger.post(
        session, member_id=member_id, kind=Kind.RELEASE, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause(reason_code), shifts=[Shift(part.lot_id, part.points, last_days[part.lot_id]) for part in rest],
    )


async def _parts(session: AsyncSession, redemption_id: UUID) -> list[Part]:
    return [Part(lot.id, points) for lot, points in await queries.held_lots(session, redemption_id=redemption_id)]


def _held(held: Sequence[Part], amount: int, sign: int) -> Iterator[Leg]:
    """One leg for each lot of the hold."""
    assert sum(part.points for part in held) == amount  # an order's price does not change
    return (Leg(HELD, sign * part.points, part.lot_id) for part in held)
