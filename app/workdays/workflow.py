"""Pure reckoning of working time: 09:00–12:00 and 13:00–18:00 in Shanghai, eight hours a day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from app import clock
from app.auth import tenants
from app.auth.principal import Principal

HOURS = ((time(9), time(12)), (time(13), time(18)))
DAY_MINUTES = 480
MINUTE = timedelta(minutes=1)
MOST_DAYS = 20_000  # no calendar is without a working day for so long: a guard against an endless search
IsWorkday = Callable[[date], bool]


def weekday_rule(day: date) -> bool:
    """What holds for a day of which the calendar says nothing."""
    return day.isoweekday() <= 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days as the table has them, each with its note; the weekday's rule for the others."""

    known: Mapping[date, tuple[bool, str | None]] = field(default_factory=dict)

    def __call__(self, day: date) -> bool:
        return self.known[day][0] if day in self.known else weekday_rule(day)

    def note(self, day: date) -> str | None:
        return self.known[day][1] if day in self.known else None


def may_edit(principal: Principal) -> bool:
    """The calendar is the whole country's: it is for whoever administers a tenant, or the platform."""
    return tenants.governs(principal)


def add_working_time(start: datetime, length: timedelta, is_workday: IsWorkday) -> datetime:
    """The first instant by which so much working time has passed since `start`; `start` itself for none. Aware, UTC.

    Raises:
        ValueError: the length is negative, or the calendar has no working day left.
    """
    if length < timedelta():
        raise ValueError("working minutes cannot be negative")
    left = length
    if not left:
        return start
    for opens, closes in _spans(start, is_workday):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= max(closes - begin, timedelta())
    raise ValueError("the calendar has no working days")


def add_working_minutes(start: datetime, minutes: int, is_workday: IsWorkday) -> datetime:
    """`add_working_time` in whole minutes."""
    return add_working_time(start, minutes * MINUTE, is_workday)


def working_time(start: datetime, end: datetime, is_workday: IsWorkday) -> timedelta:
    """Working time from `start` to `end`; none when the end comes first."""
    passed = timedelta()
    for opens, closes in _spans(start, is_workday):
        if opens >= end:
            break
        passed += max(min(closes, end) - max(opens, start), timedelta())
    return passed


def working_minutes(start: datetime, end: datetime, is_workday: IsWorkday) -> int:
    """Whole working minutes from `start` to `end`; 0 when the end comes first."""
    return working_time(start, end, is_workday) // MINUTE


def _spans(start: datetime, is_workday: IsWorkday) -> Iterator[tuple[datetime, datetime]]:
    """The opening hours from the local day of `start` on, in UTC."""
    first = clock.local_day(start)
    for day in (first + timedelta(days=ahead) for ahead in range(MOST_DAYS)):
        if is_workday(day):
            yield from _hours_of(day)


@lru_cache(maxsize=1_000)
def _hours_of(day: date) -> list[tuple[datetime, datetime]]:
    return [(_instant(day, opens), _instant(day, closes)) for opens, closes in HOURS]


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, clock.SHANGHAI).astimezone(UTC)
