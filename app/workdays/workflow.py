"""Pure reckoning of working time: 09:00–12:00 and 13:00–18:00 in Shanghai, eight hours a day."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from app import clock

HOURS = ((time(9), time(12)), (time(13), time(18)))
DAY_MINUTES = 480
MINUTE = timedelta(minutes=1)
MOST_DAYS = 20_000  # no calendar is without a working day for so long: a guard against an endless search
IsWorkday = Callable[[date], bool]


def weekday_rule(day: date) -> bool:
    """What holds for a day of which the calendar says nothing."""
    return day.isoweekday() <= 5


def add_working_minutes(start: datetime, minutes: int, is_workday: IsWorkday) -> datetime:
    """The first instant by which so many working minutes have passed since `start`; `start` itself for none. Aware, UTC.

    Raises:
        ValueError: minutes are negative, or the calendar has no working day left.
    """
    if minutes < 0:
        raise ValueError("working minutes cannot be negative")
    left = timedelta(minutes=minutes)
    if not left:
        return start
    for opens, closes in _spans(start, is_workday):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= max(closes - begin, timedelta())
    raise ValueError("the calendar has no working days")


def working_minutes(start: datetime, end: datetime, is_workday: IsWorkday) -> int:
    """Whole working minutes from `start` to `end`; 0 when the end comes first."""
    passed = timedelta()
    for opens, closes in _spans(start, is_workday):
        if opens >= end:
            break
        passed += max(min(closes, end) - max(opens, start), timedelta())
    return passed // MINUTE


def _spans(start: datetime, is_workday: IsWorkday) -> Iterator[tuple[datetime, datetime]]:
    """The opening hours from the local day of `start` on, in UTC."""
    first = clock.local_day(start)
    for day in (first + timedelta(days=ahead) for ahead in range(MOST_DAYS)):
        if is_workday(day):
            for opens, closes in HOURS:
                yield _instant(day, opens), _instant(day, closes)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, clock.SHANGHAI).astimezone(UTC)
