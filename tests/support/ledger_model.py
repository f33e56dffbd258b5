"""What the contract says about points, as plainly as it can be said (domain.md "Default points rules", api.md "Points"): no product code.

Lots and orders go by the names that the caller gives them. Days are those of Shanghai.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

# Points, and how many a day, a month, a year; of LESSON_PASSED each lesson once, and hazards above three a week wait for a second reviewer.
RULES: dict[str, tuple[int, int | None, int | None]] = {
    "REPORT_ACCEPTED": (10, 5, 60), "REPORT_CLOSED": (10, 5, 60), "HAZARD_ACCEPTED": (50, 3, None), "MAJOR_LEAD": (100, None, None),
    "REPORT_JOINED": (2, 5, None), "VOLUNTEER_HOUR": (20, 4, None), "LESSON_PASSED": (5, 2, 40), "SUGGESTION_ADOPTED": (100, None, 2),
    "PARTY_ACTIVITY": (20, None, 4),
}
PER_DAY, PER_MONTH, PER_YEAR = 200, 2_000, 12_000  # points, over all rules
HAZARDS_A_WEEK = 3
GRACE = timedelta(days=7)


class Refused(Exception):
    """There are not so many points to spend."""


@dataclass
class Lot:
    remaining: int
    last_day: date


@dataclass
class Order:
    """`parts`: which lots paid, and how much of each."""

    parts: list[tuple[str, int]]
    state: str = "held"


@dataclass
class Award:
    """`waits`: a second reviewer has to agree first."""

    rule: str
    filed: date
    credited: int
    waits: bool = False
    lesson: str | None = None


Line = tuple[str, int, int]  # kind, effect on what is available less debt, effect on what is held


@dataclass
class Account:
    """One member. `today` comes from the caller, who lets time pass."""

    lots: dict[str, Lot] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    awards: dict[tuple[str, str], Award] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    debt: int = 0
    erased: bool = False

    @property
    def available(self) -> int:
        return sum(lot.remaining for lot in self.lots.values())

    @property
    def held(self) -> int:
        return sum(points for order in self.orders.values() if order.state == "held" for _, points in order.parts)

    def award(self, rule: str, source: str, *, filed: date, today: date, lot: str, lesson: str | None = None) -> Award:
        """One source pays once per rule: asked again, the answer is the same and nothing happens."""
        if (rule, source) not in self.awards:
            given = 0 if self.erased else self._room(rule, filed, lesson)
            hazards = sum(one.rule == rule and _week(one.filed) == _week(filed) for one in self._counted())
            waits = given > 0 and rule == "HAZARD_ACCEPTED" and hazards >= HAZARDS_A_WEEK
            self.awards[rule, source] = Award(rule, filed, 0 if waits else given, waits, lesson)
            if given and not waits:
                self.credit("earn", given, today=today, lot=lot)
        return self.awards[rule, source]

    def confirm(self, rule: str, source: str, *, today: date, lot: str) -> Award:
        """The second reviewer agrees: it is judged as any other, by the caps of its own day."""
        award = self.awards[rule, source]
        award.waits = False
        award.credited = 0 if self.erased else self._room(rule, award.filed, award.lesson)
        if award.credited:
            self.credit("earn", award.credited, today=today, lot=lot)
        return award

    def credit(self, kind: str, points: int, *, today: date, lot: str) -> None:
        """A debt is settled first; the rest lapses on 31 March of next year."""
        self.lines.append((kind, points, 0))
        settled = min(points, self.debt)
        self.debt -= settled
        if points > settled:
            self.lots[lot] = Lot(points - settled, date(today.year + 1, 3, 31))

    def take(self, kind: str, points: int, *, today: date, first: str | None = None) -> None:
        """Exactly so many: what is not there any more becomes a debt."""
        self.lapse(today)
        paid = self._spend(points, first)
        self.debt += points - sum(part for _, part in paid)
        self.lines.append((kind, -points, 0))

    def hold(self, order: str, points: int, *, today: date) -> None:
        if sum(lot.remaining for lot in self.lots.values() if lot.last_day >= today) < points:
            raise Refused
        self.lapse(today)
        self.orders[order] = Order(self._spend(points))
        self.lines.append(("hold", -points, points))

    def capture(self, order: str) -> None:
        self._turn(order, "spent", "capture", -1)

    def undo(self, order: str) -> None:
        self._turn(order, "held", "reverse", 1)

    def release(self, order: str, *, today: date) -> None:
        """Back to the lots that paid, with the last day they had, or a week where it is over; a debt takes its share first."""
        parts = sorted(self.orders[order].parts, key=self._soonest)
        self.lapse(today, among=[lot for lot, _ in parts])
        self.orders[order].state = "over"
        for name, points in parts:
            settled = min(points, self.debt)
            self.debt -= settled
            if points > settled:
                lot = self.lots[name]
                lot.remaining += points - settled
                lot.last_day = lot.last_day if lot.last_day >= today else today + GRACE
        total = sum(points for _, points in parts)
        self.lines.append(("release", total, -total))

    def lapse(self, today: date, among: Iterable[str] | None = None) -> None:
        """What is left of lots whose last day is over leaves: a line for each last day."""
        names = set(self.lots if among is None else among)
        over = [lot for name, lot in self.lots.items() if name in names and lot.remaining and lot.last_day < today]
        for day in sorted({lot.last_day for lot in over}):
            self.lines.append(("expire", -sum(lot.remaining for lot in over if lot.last_day == day), 0))
        for lot in over:
            lot.remaining = 0

    def forget(self, *, today: date, lot: str) -> None:
        """What is outstanding is settled for good; whoever is gone earns nothing more."""
        for name, order in self.orders.items():
            if order.state == "held":
                self.release(name, today=today)
        self.lapse(today)
        if self.available:
            self.take("adjust", self.available, today=today)
        elif self.debt:
            self.credit("adjust", self.debt, today=today, lot=lot)
        self.erased = True

    def _room(self, rule: str, filed: date, lesson: str | None) -> int:
        points, per_day, per_month = RULES[rule]
        mine = [one for one in self._counted() if one.rule == rule and one.credited]
        if lesson is not None and any(one.lesson == lesson for one in mine):
            return 0
        for most, same in ((per_day, _day), (per_month, _month)):
            if most is not None and sum(same(one.filed) == same(filed) for one in mine) >= most:
                return 0
        for most, same in ((PER_DAY, _day), (PER_MONTH, _month), (PER_YEAR, _year)):
            points = min(points, most - sum(one.credited for one in self._counted() if same(one.filed) == same(filed)))
        return max(points, 0)

    def _counted(self) -> list[Award]:
        return [one for one in self.awards.values() if one.credited or one.waits]

    def _spend(self, points: int, first: str | None = None) -> list[tuple[str, int]]:
        """Soonest to expire first."""
        parts = []
        for name in sorted(self.lots, key=lambda name: (name != first, self.lots[name].last_day, name)):
            part = min(points, self.lots[name].remaining)
            if part:
                self.lots[name].remaining -= part
                points -= part
                parts.append((name, part))
        return parts

    def _turn(self, order: str, state: str, kind: str, sign: int) -> None:
        self.orders[order].state = state
        self.lines.append((kind, 0, sign * sum(points for _, points in self.orders[order].parts)))

    def _soonest(self, part: tuple[str, int]) -> tuple[date, str]:
        return self.lots[part[0]].last_day, part[0]


def _day(day: date) -> object:
    return day


def _week(day: date) -> object:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> object:
    return day.year, day.month


def _year(day: date) -> object:
    return day.year
