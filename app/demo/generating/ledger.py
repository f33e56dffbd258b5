"""What members earn, spend and lose: transactions with entries and lots, awards, and their trail, as `points/ledger.py` posts them.

A lot is written when nothing more can become of it, or at the end: its row holds what is left of it then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import groupby, islice
from uuid import UUID

from app import clock
from app.demo.generating.plan import Plan, id_at
from app.demo.generating.sheets import Sheets
from app.demo.generating.timeline import Timeline
from app.points import workflow as points_workflow
from app.points.ledger import Cause, Leg, Reference
from app.points.models import Kind, LedgerAccount, PointsAward, PointsEntry, PointsLot, PointsRule, PointsTransaction
from app.points.workflow import Part

JUST_AFTER_MIDNIGHT = time(0, 10)
DAY = timedelta(days=1)
AVAILABLE, HELD = LedgerAccount.AVAILABLE, LedgerAccount.HELD
LEFT_AT_ONCE = 20_000  # lots of one batch at the end


@dataclass(frozen=True, slots=True)
class Due:
    """Points that something brings somebody at a time. `each` replaces the rule's figure; `once_key` is what it pays for once."""

    at: datetime
    rule: PointsRule
    source: Reference
    filed_on: date
    area_path: str
    by: UUID | None
    each: int | None = None
    once_key: str | None = None

    @property
    def points(self) -> int:
        return self.rule.points if self.each is None else self.each


@dataclass(slots=True)
class Lot:
    """Points that came together; `held` of them stand aside for orders."""

    id: UUID
    transaction_id: UUID
    at: datetime
    amount: int
    remaining: int
    expires_on: date
    held: int = 0


@dataclass(slots=True)
class Book:
    """One member's ledger so far. `lapses` are the days on which it was or will be looked for what has lapsed."""

    member_id: UUID
    version: int = 0
    available: int = 0
    held: int = 0
    lots: dict[UUID, Lot] = field(default_factory=dict)
    lapses: set[date] = field(default_factory=set)

    def open_lots(self) -> list[points_workflow.Lot]:
        return [points_workflow.Lot(lot.id, lot.remaining, lot.expires_on) for lot in self.lots.values() if lot.remaining]


@dataclass(frozen=True, slots=True)
class Used:
    """At which store a code was used, by whom, and in which month."""

    store_id: UUID
    clerk_id: UUID
    month: date

    def leg(self, points: int) -> Leg:
        return Leg(LedgerAccount.REDEEMED, points, store_id=self.store_id, month=self.month)


class Ledger:
    """The books of the members of one lane. `sheets` are those of the batch that is being written."""

    def __init__(self, plan: Plan, lane: int, timeline: Timeline) -> None:
        self._plan, self._timeline = plan, timeline
        self._books: dict[int, Book] = {}
        self.chance, self.sheets = plan.chance_of_ledger(lane), Sheets()

    def book(self, member: int) -> Book:
        known = self._books.get(member)
        if known is None:
            known = self._books[member] = Book(self._plan.member_id(member))
        return known

    def award(self, book: Book, due: Due) -> None:
        transaction_id = self._earn(book, due) if due.points else None
        self.sheets.write(
            PointsAward, self.chance, due.at, member_id=book.member_id, rule_code=due.rule.code, rule_version=due.rule.version,
            source_type=due.source.type, source_id=due.source.id, source_number=due.source.number, filed_on=due.filed_on,
            area_path=due.area_path, points_each=due.each, units_credited=int(due.points > 0), credited=due.points, withheld=0,
            once_key=due.once_key if due.points else None, transaction_id=transaction_id,
        )
        self.sheets.audit(
            self.chance, due.at, due.by, "points.award", object_kind=due.source.type, object_id=due.source.id, area_path=due.area_path,
            member_id=str(book.member_id), rule=due.rule.code, credited=due.points, withheld=0,
        )

    def hold(self, book: Book, at: datetime, points: int, order: Reference) -> list[Part]:
        """Sets points aside that are there; the parts are what `release` gives back."""
        parts, missing = points_workflow.take(book.open_lots(), points)
        assert not missing, "who orders has been asked before"
        for part in parts:
            lot = book.lots[part.lot_id]
            lot.remaining, lot.held = lot.remaining - part.points, lot.held + part.points
        legs = [leg for part in parts for leg in (Leg(AVAILABLE, -part.points, part.lot_id), Leg(HELD, part.points, part.lot_id))]
        self._post(book, at, Kind.HOLD, legs, order, Cause("redemption_placed", actor_id=book.member_id))
        return parts

    def capture(self, book: Book, at: datetime, parts: Sequence[Part], order: Reference, used: Used) -> None:
        legs = [Leg(HELD, -part.points, part.lot_id) for part in self._sorted(book, parts)]
        legs.append(used.leg(sum(part.points for part in parts)))
        self._post(book, at, Kind.CAPTURE, legs, order, Cause("redemption_verified", actor_id=used.clerk_id))

    def undo(self, book: Book, at: datetime, parts: Sequence[Part], order: Reference, used: Used) -> None:
        back = [Leg(HELD, part.points, part.lot_id) for part in self._sorted(book, parts)]
        legs = [used.leg(-sum(part.points for part in parts)), *back]
        self._post(book, at, Kind.REVERSE, legs, order, Cause("redemption_undone", actor_id=used.clerk_id))

    def release(self, book: Book, at: datetime, parts: Sequence[Part], order: Reference, reason: str) -> None:
        today, held = clock.local_day(at), self._sorted(book, parts)
        self._lapse(book, at, [book.lots[part.lot_id] for part in held])
        for part in held:
            lot = book.lots[part.lot_id]
            lot.remaining, lot.held = lot.remaining + part.points, lot.held - part.points
            lot.expires_on = points_workflow.returned_lot_expiry(lot.expires_on, today)
            self._look_after(book, lot)
        legs = [Leg(HELD, -part.points, part.lot_id) for part in held] + [Leg(AVAILABLE, part.points, part.lot_id) for part in held]
        self._post(book, at, Kind.RELEASE, legs, order, Cause(reason))

    def spent(self, book: Book, parts: Sequence[Part]) -> None:
        """An order is over for good: what was held for it does not come back."""
        for part in parts:
            lot = book.lots[part.lot_id]
            lot.held -= part.points
            self._file_if_done(book, lot)

    def lapse(self, book: Book, at: datetime) -> None:
        """As the nightly job does it, and an order before it holds: nothing happens where nothing has lapsed."""
        self._lapse(book, at, list(book.lots.values()))

    def rest(self) -> Iterator[Sheets]:
        """The lots that are left, in batches."""
        left = ((book, lot) for book in self._books.values() for lot in book.lots.values())
        while batch := list(islice(left, LEFT_AT_ONCE)):
            self.sheets = Sheets()
            for book, lot in batch:
                self._file(book, lot)
            yield self.sheets

    def _earn(self, book: Book, due: Due) -> UUID:
        """The lot's id stands in the entries of the transaction that opens it."""
        lot_id = id_at(due.at, self.chance)
        legs = [Leg(LedgerAccount.ISSUANCE, -due.points), Leg(AVAILABLE, due.points, lot_id)]
        cause = Cause(due.rule.code, rule_code=due.rule.code, rule_version=due.rule.version)
        made = self._post(book, due.at, Kind.EARN, legs, due.source, cause)
        expires_on = points_workflow.lapse_day(clock.local_day(due.at))
        lot = book.lots[lot_id] = Lot(lot_id, made, due.at, due.points, due.points, expires_on)
        self._look_after(book, lot)
        return made

    def _lapse(self, book: Book, at: datetime, lots: Sequence[Lot]) -> None:
        """A transaction for each last day that is over."""
        today = clock.local_day(at)
        lapsed = sorted((lot for lot in lots if lot.remaining and lot.expires_on < today), key=lambda lot: (lot.expires_on, lot.id))
        for day, group in groupby(lapsed, key=lambda lot: lot.expires_on):
            legs = [Leg(AVAILABLE, -lot.remaining, lot.id) for lot in group]
            points, over = -sum(leg.amount for leg in legs), Reference("lapse", id_at(at, self.chance), day.isoformat())
            self._post(book, at, Kind.EXPIRE, [*legs, Leg(LedgerAccount.EXPIRED, points)], over, Cause("lapsed"))
            self.sheets.audit(
                self.chance, at, None, "points.lapse", object_kind="lapse", object_id=over.id, member_id=str(book.member_id), points=points
            )
        for lot in lapsed:
            lot.remaining = 0
            self._file_if_done(book, lot)

    @staticmethod
    def _sorted(book: Book, parts: Sequence[Part]) -> list[Part]:
        return sorted(parts, key=lambda part: (book.lots[part.lot_id].expires_on, part.lot_id))

    def _look_after(self, book: Book, lot: Lot) -> None:
        day = lot.expires_on + DAY
        if day not in book.lapses:
            book.lapses.add(day)
            self._timeline.add(datetime.combine(day, JUST_AFTER_MIDNIGHT, clock.SHANGHAI).astimezone(UTC), partial(self.lapse, book))

    def _file_if_done(self, book: Book, lot: Lot) -> None:
        if not lot.remaining and not lot.held:
            self._file(book, book.lots.pop(lot.id))

    def _file(self, book: Book, lot: Lot) -> None:
        self.sheets.write(
            PointsLot, self.chance, lot.at, id=lot.id, member_id=book.member_id, transaction_id=lot.transaction_id, amount=lot.amount,
            remaining=lot.remaining, expires_on=lot.expires_on,
        )

    def _post(self, book: Book, at: datetime, kind: Kind, legs: Sequence[Leg], reference: Reference, cause: Cause) -> UUID:
        available = sum(leg.amount for leg in legs if leg.account is AVAILABLE)
        held = sum(leg.amount for leg in legs if leg.account is HELD)
        balances = {AVAILABLE: book.available, HELD: book.held}
        book.version, book.available, book.held = book.version + 1, book.available + available, book.held + held
        made = self.sheets.write(
            PointsTransaction, self.chance, at, member_id=book.member_id, kind=kind, amount=available, held=held,
            balance_after=book.available, account_version=book.version, rule_code=cause.rule_code, rule_version=cause.rule_version,
            reason_code=cause.reason_code, reference_type=reference.type, reference_id=reference.id, reference_number=reference.number,
            actor_id=cause.actor_id,
        )
        for leg in legs:
            own = leg.account in balances
            if own:
                balances[leg.account] += leg.amount
            self.sheets.write(
                PointsEntry, self.chance, at, transaction_id=made, account=leg.account, lot_id=leg.lot_id, amount=leg.amount,
                member_id=book.member_id if own else None, balance_after=balances.get(leg.account), account_version=book.version,
                store_id=leg.store_id, month=leg.month,
            )
        return made
