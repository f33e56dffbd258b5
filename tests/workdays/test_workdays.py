"""Working time by table and by property, and the calendar that the migration seeds."""

from datetime import UTC, date, datetime, timedelta

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import clock
from app.workdays import queries, workflow

# 2026-09-25 (Friday) to 27: Mid-Autumn; 2026-09-20 (Sunday) works; 2026-10-01 to 07: National Day; 2026-10-10 (Saturday) works.
DAYS_OFF = {date(2026, 9, 25), *(date(2026, 10, day) for day in range(1, 8))}
MAKE_UP = {date(2026, 9, 20), date(2026, 10, 10)}


def is_workday(day: date) -> bool:
    return day in MAKE_UP or (day.isoweekday() <= 5 and day not in DAYS_OFF)


def shanghai(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=clock.SHANGHAI)


TABLE = [
    ("2026-09-21 09:00", 60, "2026-09-21 10:00"),
    ("2026-09-21 07:30", 60, "2026-09-21 10:00"),  # before opening
    ("2026-09-21 11:30", 60, "2026-09-21 13:30"),  # over noon
    ("2026-09-21 09:00", 180, "2026-09-21 12:00"),  # a deadline at noon is noon, not one o'clock
    ("2026-09-21 12:20", 30, "2026-09-21 13:30"),
    ("2026-09-21 17:00", 240, "2026-09-22 12:00"),  # review: four working hours
    ("2026-09-24 17:00", 120, "2026-09-28 10:00"),  # over Mid-Autumn and the weekend
    ("2026-09-19 10:00", 60, "2026-09-20 10:00"),  # Saturday off, the Sunday is made up
    ("2026-09-30 17:59", 2, "2026-10-08 09:01"),
    ("2026-10-09 18:00", 1, "2026-10-10 09:01"),
    ("2026-09-21 15:00", 480, "2026-09-22 15:00"),  # a working day: the same time of day
    ("2026-09-21 22:00", 480, "2026-09-22 18:00"),
    ("2026-09-26 08:00", 0, "2026-09-26 08:00"),
]


@pytest.mark.parametrize(("start", "minutes", "end"), TABLE)
def test_minutes_pass_only_in_working_hours(start: str, minutes: int, end: str) -> None:
    got = workflow.add_working_minutes(shanghai(start), minutes, is_workday)
    assert got == shanghai(end)


INSTANTS = st.integers(0, 60 * 24 * 60).map(lambda minute: datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=minute))


@settings(max_examples=150, deadline=None)
@given(start=INSTANTS, first=st.integers(0, 3_000), second=st.integers(1, 3_000))
def test_adding_and_counting_agree(start: datetime, first: int, second: int) -> None:
    between = workflow.add_working_minutes(start, first, is_workday)
    end = workflow.add_working_minutes(start, first + second, is_workday)
    assert workflow.working_minutes(start, end, is_workday) == first + second
    assert workflow.add_working_minutes(between, second, is_workday) == end  # a clock that is read in between loses nothing
    assert between < end
    local = clock.local(end)
    assert is_workday(local.date()) and any(opens < local.time() <= closes for opens, closes in workflow.HOURS)


def test_the_end_before_the_start_is_no_time() -> None:
    assert workflow.working_minutes(shanghai("2026-09-21 10:00"), shanghai("2026-09-21 09:00"), is_workday) == 0
    with pytest.raises(ValueError, match="negative"):
        workflow.add_working_minutes(shanghai("2026-09-21 10:00"), -1, is_workday)
    with pytest.raises(ValueError, match="no working days"):
        workflow.add_working_minutes(shanghai("2026-09-21 10:00"), 1, lambda day: False)


def expected(year: int) -> dict[date, bool]:
    """The notices as the `holidays` package has them."""
    calendar = holidays.country_holidays("CN", years=year)
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366 if year % 4 == 0 else 365))
    return {day: calendar.is_working_day(day) for day in days}


@pytest.mark.parametrize("year", [2025, 2026])
async def test_the_seed_is_the_state_councils_calendar(session, year: int) -> None:
    wrong = [day for day, works in expected(year).items() if await queries.is_workday(session, day) is not works]
    assert wrong == []


@pytest.mark.parametrize(
    ("day", "works"),
    [("2027-02-05", False), ("2027-02-10", False), ("2027-02-11", True), ("2027-05-04", False), ("2027-10-05", False), ("2027-10-06", True),
     ("2029-01-06", False), ("2029-01-08", True)],  # beyond the seed: the weekday
)
async def test_2027_has_the_statutory_days_and_later_years_the_weekdays(session, day: str, works: bool) -> None:
    assert await queries.is_workday(session, date.fromisoformat(day)) is works


async def test_deadlines_follow_the_table(session) -> None:
    start = shanghai("2026-09-30 15:00")
    end = await queries.add_days(session, start=start, days=5)
    assert end == shanghai("2026-10-13 15:00")  # 8, 9, the made-up Saturday 10, 12, 13 October
    assert await queries.minutes_between(session, start=start, end=end) == 5 * workflow.DAY_MINUTES
    assert await queries.add_minutes(session, start=shanghai("2026-09-24 17:00"), minutes=120) == shanghai("2026-09-28 10:00")
    assert await queries.minutes_between(session, start=end, end=start) == 0
