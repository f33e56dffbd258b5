"""Orders: placed, verified, now and then undone, given up or run out, with all that they leave behind, as `app/redemptions` writes it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from functools import partial
from uuid import UUID

from app import clock
from app.db.session import AsyncSession
from app.demo.generating.ledger import Book, Ledger, Used
from app.demo.generating.plan import LANES, Plan, id_at
from app.demo.generating.shops import Offer
from app.demo.generating.timeline import Timeline
from app.messages.models import Category, Message
from app.points.ledger import Reference
from app.points.workflow import Part
from app.redemptions import codes, workflow
from app.redemptions.models import Redemption, RedemptionText, RewardMemberUsage, Status, Verification, VerificationUndo
from app.redemptions.notices import PAGE
from app.rewards import workflow as rewards_workflow
from app.security import sealing

MOST = 10  # of one reward in an order
GOALS = (30, 60, 90, 120, 200)  # points at which somebody thinks of ordering
TRIES = 4  # rewards that are looked at
AT_ONCE = timedelta(minutes=2)


class End(Enum):
    """What becomes of an order when everything that is meant to happen has happened. Each comes up as often as its value."""

    VERIFIED = 86
    CANCELLED = 5
    EXPIRED = 6
    UNDONE = 2  # and verified once more
    GIVEN_UP = 1  # undone, and cancelled


@dataclass(slots=True)
class Order:
    """One order on its way. `version`, `verification_id` and `typed` are those of its row."""

    id: UUID
    number: str
    book: Book
    offer: Offer
    quantity: int
    placed_at: datetime
    expires_at: datetime
    parts: Sequence[Part]
    end: End
    version: int = 1
    verification_id: UUID | None = None

    @property
    def points(self) -> int:
        return self.offer.reward.points * self.quantity

    @property
    def reference(self) -> Reference:
        return Reference("redemption", self.id, self.number)


@dataclass(slots=True)
class Habit:
    """When a member orders next, and what was ordered of rewards that have a limit."""

    goal: int
    thinking: bool = False
    limited: dict[UUID, date] = field(default_factory=dict)


class Orders:
    """What the members of one lane order."""

    def __init__(self, session: AsyncSession, plan: Plan, lane: int, offers: Sequence[Offer], ledger: Ledger, timeline: Timeline) -> None:
        self._session, self._plan, self._lane, self._offers = session, plan, lane, offers
        self._ledger, self._timeline, self._chance = ledger, timeline, ledger.chance
        self._habits: dict[UUID, Habit] = {}
        self._drawn: defaultdict[date, int] = defaultdict(int)
        self._open: dict[UUID, Order] = {}
        self._last_day = clock.local_day(plan.until)

    def think(self, book: Book, at: datetime) -> None:
        """Points have come: there may be enough to order something soon."""
        habit = self._habits.get(book.member_id)
        if habit is None:
            habit = self._habits[book.member_id] = Habit(self._chance.choice(GOALS))
        if not habit.thinking and book.available >= habit.goal:
            habit.thinking = True
            self._timeline.add(at + self._hours(1, 60), partial(self._place, book, habit))

    def rest(self) -> None:
        """Writes the orders of which nobody knows yet what becomes of them."""
        for order in self._open.values():
            self._file(order, Status.VERIFIED if order.verification_id else Status.ISSUED)
        self._open.clear()

    def _place(self, book: Book, habit: Habit, at: datetime) -> None:
        """As long as the day is not the last: the service draws that day's numbers itself."""
        habit.thinking, habit.goal = False, self._chance.choice(GOALS)
        day = clock.local_day(at)
        self._ledger.lapse(book, at)
        chosen = self._choice(book, habit, day)
        if chosen is None or day >= self._last_day:
            return
        offer, quantity = chosen
        order_id = id_at(at, self._chance)
        reference = Reference("redemption", order_id, self._number(day))
        parts = self._ledger.hold(book, at, offer.reward.points * quantity, reference)
        expires_at = workflow.expiry(at, offer.reward.valid_days)
        [end] = self._chance.choices(list(End), [one.value for one in End])
        order = Order(order_id, str(reference.number), book, offer, quantity, at, expires_at, parts, end)
        self._open[order_id] = order
        self._audit(order, at, "place", book.member_id, area_path=offer.area_path, reward_id=str(offer.reward.id), quantity=quantity)
        self._timeline.add(*self._next(order, at))

    def _choice(self, book: Book, habit: Habit, day: date) -> tuple[Offer, int] | None:
        """A reward that the member can pay, and how many of it. Of what has a limit, one a period."""
        for _ in range(TRIES):
            offer = self._chance.choice(self._offers)
            reward = offer.reward
            if reward.points > book.available:
                continue
            if reward.per_member_period is None:
                return offer, min(MOST, max(1, int(self._chance.uniform(0.5, 1) * book.available) // reward.points))
            since = rewards_workflow.counted_since(reward.per_member_period, clock.day_start(day))
            before = habit.limited.get(reward.id)
            if before is None:
                self._ledger.sheets.add(RewardMemberUsage, reward_id=reward.id, member_id=book.member_id)
            elif since is None or before >= clock.local_day(since):
                continue
            habit.limited[reward.id] = day
            return offer, 1
        return None

    def _number(self, day: date) -> str:
        """Lanes draw in turn; `before` were drawn when the run began."""
        turn = self._drawn[day]
        self._drawn[day] += 1
        return f"D{day:%Y%m%d}-{self._plan.orders_before + turn * LANES + self._lane + 1:06d}"

    def _next(self, order: Order, at: datetime) -> tuple[datetime, partial[None]]:
        """What happens to a live order, and when: nobody comes later than its code works."""
        if order.end is End.EXPIRED:
            return order.expires_at + AT_ONCE, partial(self._end, order, Status.EXPIRED)
        if order.end is End.CANCELLED or (order.end is End.GIVEN_UP and order.version > 1):
            act = partial(self._end, order, Status.CANCELLED)
        else:
            act = partial(self._verify, order)
        return min(at + self._hours(0.2, 400), order.expires_at - AT_ONCE), act

    def _verify(self, order: Order, at: datetime) -> None:
        till = self._chance.choice(order.offer.tills)
        order.verification_id, order.version = id_at(at, self._chance), order.version + 1
        typed = self._chance.random() < 0.5
        self._ledger.sheets.write(
            Verification, self._chance, at, id=order.verification_id, redemption_id=order.id, store_id=till.store_id,
            reward_id=order.offer.reward.id, clerk_id=till.clerk_id, verified_at=at, typed=typed,
        )
        used = Used(till.store_id, till.clerk_id, clock.month_start(clock.local_day(at)))
        self._ledger.capture(order.book, at, order.parts, order.reference, used)
        self._audit(
            order, at, "verify", till.clerk_id, area_path=till.area_path, store_id=str(till.store_id),
            verification_id=str(order.verification_id), typed=typed,
        )
        self._tell(order, at, "兑换成功", f"您在“{till.name}”兑换了“{order.offer.reward.name}”×{order.quantity}。")
        undone_at = at + self._hours(0.05, 0.4)
        if order.end in (End.UNDONE, End.GIVEN_UP) and order.version == 2 and undone_at < order.expires_at - 2 * AT_ONCE:
            self._timeline.add(undone_at, partial(self._undo, order, used))
        else:
            self._ledger.spent(order.book, order.parts)
            self._close(order, Status.VERIFIED)

    def _undo(self, order: Order, used: Used, at: datetime) -> None:
        reason_id = self._ledger.sheets.write(
            RedemptionText, self._chance, at, author_id=used.clerk_id, member_id=order.book.member_id, text="扫错了单子"
        )
        self._ledger.sheets.add(
            VerificationUndo, verification_id=order.verification_id, clerk_id=used.clerk_id, reason_id=reason_id, undone_at=at
        )
        self._ledger.undo(order.book, at, order.parts, order.reference, used)
        self._audit(
            order, at, "undo", used.clerk_id, verification_id=str(order.verification_id), store_id=str(used.store_id)
        )
        self._tell(order, at, "核销已撤销", f"{self._words(order)}的核销已撤销，原兑换码可继续使用。")
        order.verification_id, order.version = None, order.version + 1
        self._timeline.add(*self._next(order, at))

    def _end(self, order: Order, status: Status, at: datetime) -> None:
        """Points come back, and may be spent again."""
        cancelled = status is Status.CANCELLED
        order.version += 1
        reason = "redemption_cancelled" if cancelled else "redemption_expired"
        self._ledger.release(order.book, at, order.parts, order.reference, reason)
        self._audit(order, at, "cancel" if cancelled else "expire", order.book.member_id if cancelled else None)
        if not cancelled:
            self._tell(order, at, "兑换单已过期，积分已退回", f"您兑换的{self._words(order)}已过有效期，{order.points} 积分已退回。")
        self._close(order, status, at)
        self.think(order.book, at)

    def _close(self, order: Order, status: Status, ended_at: datetime | None = None) -> None:
        del self._open[order.id]
        self._file(order, status, ended_at)

    def _file(self, order: Order, status: Status, ended_at: datetime | None = None) -> None:
        reward, code = order.offer.reward, codes.draw()
        self._ledger.sheets.write(
            Redemption, self._chance, order.placed_at, id=order.id, number=order.number, member_id=order.book.member_id,
            reward_id=reward.id, reward_name=reward.name, quantity=order.quantity, points=order.points,
            settlement_cents=reward.settlement_cents * order.quantity, status=status, expires_at=order.expires_at,
            verification_id=order.verification_id, ended_at=ended_at, version=order.version,
            uses=(order.version - (ended_at is not None)) // 2,
            code_sealed=sealing.seal(self._session, code, table="redemption", column="code", row=order.id),
            code_index=sealing.blind_index(self._session, code, purpose="redemption-code"),
        )

    def _audit(self, order: Order, at: datetime, verb: str, by: UUID | None, *, area_path: str | None = None, **facts: object) -> None:
        self._ledger.sheets.audit(
            self._chance, at, by, f"redemption.{verb}", object_kind="redemption", object_id=order.id, area_path=area_path,
            points=order.points, **facts,
        )

    def _tell(self, order: Order, at: datetime, title: str, body: str) -> None:
        self._ledger.sheets.write(
            Message, self._chance, at, member_id=order.book.member_id, category=Category.REDEMPTION, title=title, body=body,
            path=PAGE.format(id=order.id), reference_type="redemption", reference_id=order.id, reference_number=order.number,
        )

    def _words(self, order: Order) -> str:
        return f"“{order.offer.reward.name}”（{order.number}）"

    def _hours(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=int(3_600 * self._chance.uniform(least, most)))
