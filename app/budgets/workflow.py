"""The pure rules of the budget view: what points are worth, what will probably lapse."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Self

PEG_CENTS = 10  # a point is 0.1 yuan of the catalogue; administrators alone see that
MONTHS = 12
DAYS_OF_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Flows:
    """What moved in a span. issued = earned + adjusted − taken_back; issued − captured − expired of all time is the liability."""

    earned: int = 0
    adjusted: int = 0
    taken_back: int = 0
    captured: int = 0
    expired: int = 0

    def __add__(self, other: Self) -> "Flows":
        return Flows(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def issued(self) -> int:
        return self.earned + self.adjusted - self.taken_back


@dataclass(frozen=True, slots=True)
class Lapse:
    """Points with one last day: all of them, and those that will probably be left by then."""

    on: date
    points: int
    expected: int


def last_months(running: date) -> list[date]:
    """The last twelve months, the running one included, oldest first."""
    return [date(running.year + (running.month - 1 - back) // 12, (running.month - 1 - back) % 12 + 1, 1) for back in range(MONTHS)][::-1]


def rate(months: dict[date, Flows], running: date) -> float:
    """Points that are spent in a month: the mean of the twelve that have ended, or of as many as there are since the first with a line."""
    ended = last_months(last_months(running)[-2])
    first = min((month for month in months if month < running), default=running)
    counted = [month for month in ended if month >= first]
    return max(0.0, sum(months.get(month, Flows()).captured for month in counted) / len(counted)) if counted else 0.0


def forecast(lots: Sequence[tuple[date, int]], *, today: date, monthly: float) -> list[Lapse]:
    """What lapses on which day if nobody spends anything, and what is expected to.

    Members spend what lapses first. With s points spent a month, s · m of them go until a day that is m months away; so of what has
    that day or an earlier one, expected = max(0, points up to the day − s · m − what was expected to lapse before). What is earned until
    then lapses later and is left out, and so are the differences between members: the figure is a lower bound.
    """
    told: list[Lapse] = []
    reached = lapsed = 0
    for on, points in sorted(lots):
        reached += points
        spent = monthly * max(0, (on - today).days) / DAYS_OF_MONTH
        expected = min(points, max(0, round(reached - spent) - lapsed))
        lapsed += expected
        told.append(Lapse(on, points, expected))
    return told
