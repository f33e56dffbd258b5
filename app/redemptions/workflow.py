"""The pure rules of orders, verifications and settlements: what is refused and how, who may do what in which state, until when."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from app import clock
from app.errors import Forbidden, InvalidTransition, TooManyAttempts
from app.points.errors import RedemptionFrozen
from app.points.workflow import Part
from app.redemptions.errors import AlreadyVerified, ConfirmationRequired, RedemptionCancelled, RedemptionExpired
from app.redemptions.models import SettlementStatus, Status

UNDO_FOR = timedelta(minutes=30)
GUESSES, GUESS_WINDOW_S = 10, 600  # so many wrong codes in so many seconds stop a store
CLERK_GUESSES = 30  # and so many by one clerk in as many seconds, wherever, that clerk
SILENCE_DAYS = 5  # working days in which the owner can object to a settlement


def expiry(now: datetime, valid_days: int) -> datetime:
    """The first instant at which a code ordered now does not work any more: the end of the last of its local days."""
    return clock.day_start(clock.local_day(now) + timedelta(days=valid_days + 1))


def allowed(status: Status, *, confirmed: bool) -> list[str]:
    """What the member may do with an own order."""
    if status is not Status.ISSUED:
        return []
    return ["cancel"] if confirmed else ["cancel", "confirm"]


@dataclass(frozen=True, slots=True)
class AtStore:
    """A store, and the order that was presented there, if it is one of that store's rewards (else every field of the order is None).

    `frozen`: the books of the store's area, or of the member's, do not balance. `held`: what a live order's hold took from which lots.
    """

    now: datetime
    tenth_guess_age: float | None
    thirtieth_guess_age: float | None
    store_id: UUID
    store_name: str
    area_path: str
    ceiling: int | None
    id: UUID | None
    number: str | None
    member_id: UUID | None
    reward_id: UUID | None
    reward_name: str | None
    quantity: int | None
    points: int | None
    status: str | None
    expires_at: datetime | None
    confirmed_at: datetime | None
    uses: int | None
    per_store_per_day: int | None
    used_at: UUID | None
    used_by: UUID | None
    verified_at: datetime | None
    frozen: bool
    held: list[Part]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of an `AtStore` that has one."""

    id: UUID
    number: str
    member_id: UUID
    reward_id: UUID
    reward_name: str
    quantity: int
    points: int
    status: str
    expires_at: datetime
    confirmed: bool
    uses: int
    held: list[Part]


def order_of(found: AtStore) -> Order | None:
    if (
        found.id is None or found.number is None or found.member_id is None or found.reward_id is None or found.reward_name is None
        or found.quantity is None or found.points is None or found.status is None or found.expires_at is None or found.uses is None
    ):
        return None
    return Order(
        found.id, found.number, found.member_id, found.reward_id, found.reward_name, found.quantity, found.points, found.status,
        found.expires_at, found.confirmed_at is not None, found.uses, found.held,
    )


def require_not_stopped(*ages: float | None) -> None:
    """Raises TooManyAttempts while too many wrong codes lie within the last ten minutes: ten at the store, thirty by the clerk.

    `ages`: seconds since the tenth last of the one, the thirtieth last of the other.
    """
    young = [age for age in ages if age is not None and age < GUESS_WINDOW_S]
    if young:
        raise TooManyAttempts(retry_after=ceil(GUESS_WINDOW_S - min(young)))


def require_usable(found: AtStore, order: Order, *, clerk_id: UUID) -> None:
    """Raises Forbidden for the clerk's own order, what has become of an order that cannot be verified any more, else RedemptionFrozen."""
    if order.member_id == clerk_id:
        raise Forbidden("不能核销自己的兑换单")
    if order.status == Status.VERIFIED:
        own = found.used_at == found.store_id
        facts: dict[str, Any] = {"store_name": found.store_name} if own else {}
        raise AlreadyVerified(verified_at=found.verified_at, by_you=own and found.used_by == clerk_id, **facts)
    if order.status == Status.CANCELLED:
        raise RedemptionCancelled
    if order.status == Status.EXPIRED or order.expires_at <= found.now:
        raise RedemptionExpired(expires_at=order.expires_at)
    if found.frozen:
        raise RedemptionFrozen


def needs_confirmation(order: Order, *, ceiling: int | None, typed: bool) -> bool:
    """A typed code above the administrator's ceiling needs the rider's own yes; a ticket is shown by the rider's phone itself."""
    return typed and ceiling is not None and order.points > ceiling


def require_confirmed(order: Order, *, ceiling: int | None, typed: bool) -> None:
    """Raises ConfirmationRequired."""
    if needs_confirmation(order, ceiling=ceiling, typed=typed) and not order.confirmed:
        raise ConfirmationRequired(points=order.points, ceiling=ceiling)


def month_of(verified_at: datetime) -> date:
    """The local month to which a verification belongs, by its first day."""
    return clock.month_start(clock.local_day(verified_at))


def undoable(verified_at: datetime, *, now: datetime, undone: bool, settled: bool) -> bool:
    return not undone and not settled and now <= verified_at + UNDO_FOR


@dataclass(frozen=True, slots=True)
class Command:
    """A step of a settlement: from where to where, and whether the store's owner gives it (else the area's administrator)."""

    start: SettlementStatus
    end: SettlementStatus
    by_owner: bool


SETTLEMENT = {
    "close": Command(SettlementStatus.OPEN, SettlementStatus.CLOSED, by_owner=False),
    "confirm": Command(SettlementStatus.CLOSED, SettlementStatus.CONFIRMED, by_owner=True),
    "dispute": Command(SettlementStatus.CLOSED, SettlementStatus.DISPUTED, by_owner=True),
    "answer": Command(SettlementStatus.DISPUTED, SettlementStatus.CLOSED, by_owner=False),
    "pay": Command(SettlementStatus.CONFIRMED, SettlementStatus.PAID, by_owner=False),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the caller is to a store."""

    owner: bool
    administrator: bool

    def gives(self, command: str) -> bool:
        """The owner confirms and objects; an administrator does the rest, but nobody for the own store."""
        return self.owner if SETTLEMENT[command].by_owner else self.administrator and not self.owner


def settlement_allowed(status: SettlementStatus, *, standing: Standing, ended: bool, late: bool = False) -> list[str]:
    """The commands that the caller may give now.

    Only a month that has ended can be closed, and none can be disputed after the last day to object (`late`).
    """
    return [
        name for name, command in SETTLEMENT.items()
        if command.start is status and standing.gives(name) and (ended or name != "close") and not (late and name == "dispute")
    ]


def require_giver(name: str, standing: Standing) -> None:
    """Raises Forbidden when the command is somebody else's."""
    if not standing.gives(name):
        raise Forbidden


def require_settlement(name: str, status: SettlementStatus, *, standing: Standing, ended: bool, late: bool = False) -> None:
    """Raises Forbidden when the command is somebody else's, InvalidTransition when the state does not take it."""
    require_giver(name, standing)
    now = settlement_allowed(status, standing=standing, ended=ended, late=late)
    if name not in now:
        why = {"close": "月份尚未结束，不能结算" if not ended else None, "dispute": "提出异议的期限已过，视为确认" if late else None}
        raise InvalidTransition(why.get(name), state=status, allowed=now)
