"""Awards judged once more by a changed rule. Pure, by the very function that judges for real (`workflow.creditable`).

Everything else a member has stays as it was and takes its room first, so the outcome is what the change alone costs, with no other award
a point the less. Caps that lie within each other (day, month, year) fill to the same sum in any order, so that the rule as it was gives
what was given; only where units were credited in part, or weeks capped, may it differ by some.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache

from app.points import workflow, workflow_rules
from app.points.models import PointsRule
from app.points.models_rules import PointsCap
from app.points.workflow import Caps, Ceiling, Usage

NONE = Ceiling(None, None, None)
Periods = tuple[date, date, tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Event:
    """An award of the rule as it was judged; `used` are the units that counted.

    `each`: points that somebody set for a unit instead of the rule's figure.
    """

    filed_on: date
    area_path: str | None
    units: int
    used: int
    each: int | None
    credited: int
    withheld: int
    reason: str | None


class Reach(IntEnum):
    """How much of a sum's place in time matters: far from the days that are tried, its month or only its year is left."""

    DAY = 0
    MONTH = 1
    YEAR = 2


@dataclass(frozen=True, slots=True)
class Other:
    """What else a member was credited on a day, or in its month or year: points, and units of them under the same rule."""

    filed_on: date
    points: int
    units: int
    reach: Reach = Reach.DAY


@dataclass(slots=True)
class Tally:
    """Totals of all members; of nobody in particular."""

    events: int = 0
    members: int = 0
    unchanged: int = 0
    credited_now: int = 0
    credited_then: int = 0
    withheld_now: int = 0
    withheld_then: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event, credited: int, withheld: int, reason: str | None) -> None:
        self.events += 1
        self.credited_now += credited
        self.withheld_now += withheld
        self.credited_then += event.credited
        self.withheld_then += event.withheld
        if withheld and reason:
            self.reasons[reason] += 1
            self.points[reason] += withheld


@lru_cache(maxsize=4096)
def periods(day: date) -> Periods:
    return day, day - timedelta(days=day.weekday()), (day.year, day.month), day.year


class Book:
    """What one member has used of the caps."""

    def __init__(self) -> None:
        self._units: Counter[object] = Counter()
        self._points: Counter[object] = Counter()

    def enter(self, filed_on: date, points: int, units: int, reach: int = Reach.DAY) -> None:
        day, week, month, year = periods(filed_on)
        for period in (day, month, year)[reach:]:
            self._points[period] += points
            self._units[period] += units
        if reach == Reach.DAY:
            self._units["week", week] += units  # by its Monday, which is a day as well

    def usage(self, filed_on: date) -> Usage:
        day, week, month, year = periods(filed_on)
        units, points = self._units, self._points
        return Usage(units[day], units["week", week], units[month], units[year], points[day], points[month], points[year])


class Trial:
    """A changed rule, the caps over all rules, and the versions of nearer areas, which go before it."""

    def __init__(self, rule: PointsRule, ceilings: Sequence[PointsCap], versions: Sequence[PointsRule]) -> None:
        self._rule = rule
        self._caps = Caps(rule.per_day, rule.per_week, rule.per_month, rule.per_year)
        self._ceilings = ceilings
        self._nearer = [one for one in versions if len(one.area_path or "") > len(rule.area_path or "")]
        self._known: dict[tuple[str, date], Ceiling] = {}
        self.tally = Tally()

    def member(self, others: Iterable[Other], events: Iterable[Event]) -> None:
        """Judges the events of one member, in the order of filing."""
        book, judged = Book(), []
        for other in others:
            book.enter(other.filed_on, other.points, other.units, other.reach)
        for event in events:
            if self._stays(event):
                self._keep(book, event)
            else:
                judged.append(event)
        for event in judged:
            self._judge(book, event)
        self.tally.members += 1

    def _stays(self, event: Event) -> bool:
        """Kept back by something else than a cap, which a change of figures does not move; or judged by a nearer area's own rule."""
        if event.reason is not None and event.reason not in workflow_rules.REPLAYED:
            return True
        return any(workflow_rules.holds(one, event.area_path or "", event.filed_on) for one in self._nearer)

    def _keep(self, book: Book, event: Event) -> None:
        book.enter(event.filed_on, event.credited, event.used)
        self.tally.unchanged += 1
        self.tally.add(event, event.credited, event.withheld, event.reason)

    def _judge(self, book: Book, event: Event) -> None:
        each = self._rule.points if event.each is None else event.each
        if not each:
            self.tally.add(event, 0, 0, None)
            return
        ceiling = self._ceiling(event.area_path or "", event.filed_on)
        credit = workflow.creditable(each, event.units, self._caps, ceiling, book.usage(event.filed_on))
        book.enter(event.filed_on, credit.credited, credit.units)
        self.tally.add(event, credit.credited, each * event.units - credit.credited, credit.reason)

    def _ceiling(self, area_path: str, on: date) -> Ceiling:
        key = (area_path, on)
        if key not in self._known:
            cap = workflow_rules.in_force(self._ceilings, area_path, on)
            self._known[key] = NONE if cap is None else Ceiling(cap.per_day, cap.per_month, cap.per_year)
        return self._known[key]
