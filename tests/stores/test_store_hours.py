"""When a store is open: against a model that paints every minute of the month, and the cases that people argue about."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.stores.workflow_hours import DAY, HORIZON, Opening, Special, opening

MONDAY = date(2026, 11, 30)
ROUND = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "06:00", "closes": "06:00"}]


def at(day: date, text: str) -> datetime:
    """That local time; `24:00` and later are the next day's."""
    return clock.day_start(day) + timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def told(now: datetime, hours: Any, special: tuple[Special, ...] = (), *, paused: bool = False, until: date | None = None) -> Opening:
    return opening(hours=hours, special=special, paused=paused, paused_until=until, now=now)


def painted(hours: Any, special: list[Special], paused: bool, until: date | None, today: date) -> bytearray:
    """The naive model: one byte for each minute from yesterday's midnight, 1 where the store is open."""
    minutes = bytearray((HORIZON + 3) * DAY)
    for number in range(HORIZON + 1):
        day = today + timedelta(days=number - 1)
        spans = [(hours[:5], hours[6:])] if isinstance(hours, str) else [
            (one["opens"], one["closes"]) for one in hours if day.isoweekday() in one["days"]
        ]
        for one in special:
            if one.first <= day <= one.last:
                spans = [(one.opens, one.closes)] if one.opens and one.closes else []
        for opens, closes in spans:
            minute, closing = number * DAY + int(opens[:2]) * 60 + int(opens[3:]), (int(closes[:2]) * 60 + int(closes[3:])) % DAY
            minutes[minute] = 1
            while (minute := minute + 1) % DAY != closing:
                minutes[minute] = 1
    if paused:
        closed = len(minutes) if until is None else max(0, ((until - today).days + 2) * DAY)
        minutes[:closed] = bytes(min(closed, len(minutes)))
    return minutes


CLOCKS = st.sampled_from(["00:00", "00:01", "05:59", "06:00", "08:00", "12:30", "20:00", "22:00", "23:59"])
CLOSING = st.one_of(CLOCKS, st.just("24:00"))
WEEK = st.lists(
    st.fixed_dictionaries({"days": st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True), "opens": CLOCKS, "closes": CLOSING}),
    min_size=1, max_size=4,
)
HOURS = st.one_of(WEEK, st.builds("{}-{}".format, CLOCKS, CLOSING))


@st.composite
def specials(draw: st.DrawFn) -> list[Special]:
    """A few spans that do not overlap, from the day before yesterday on."""
    made, day = [], MONDAY - timedelta(days=draw(st.integers(-2, 3)))
    for _ in range(draw(st.integers(0, 4))):
        last = day + timedelta(days=draw(st.integers(0, 12)))
        hours = draw(st.one_of(st.none(), st.tuples(CLOCKS, CLOSING)))
        made.append(Special(day, last, *(hours or (None, None))))
        day = last + timedelta(days=draw(st.integers(1, 6)))
    return made


@given(
    hours=HOURS, special=specials(), paused=st.booleans(), until=st.one_of(st.none(), st.integers(-2, 40)), minute=st.integers(0, DAY - 1),
    seconds=st.integers(0, 59),
)
def test_it_is_what_every_minute_says(
    hours: Any, special: list[Special], paused: bool, until: int | None, minute: int, seconds: int
) -> None:
    last = None if until is None else MONDAY + timedelta(days=until)
    found = told(clock.day_start(MONDAY) + timedelta(minutes=minute, seconds=seconds), hours, tuple(special), paused=paused, until=last)
    minutes, now = painted(hours, special, paused, last, MONDAY), DAY + minute
    assert found.open is bool(minutes[now])
    turn, limit = minutes.find(0 if found.open else 1, now), (HORIZON + 1) * DAY
    seen = None if turn < 0 or turn >= limit else clock.day_start(MONDAY) + timedelta(minutes=turn - DAY)
    assert (found.until, found.next) == ((seen, None) if found.open else (None, seen))


@pytest.mark.parametrize(
    ("now", "hours", "special", "expected"),
    [
        (at(MONDAY, "21:59"), "08:00-22:00", (), Opening(True, at(MONDAY, "22:00"), None)),
        (at(MONDAY, "22:00"), "08:00-22:00", (), Opening(False, None, at(MONDAY, "32:00"))),
        (at(MONDAY, "01:00"), [{"days": [7], "opens": "20:00", "closes": "02:00"}], (), Opening(True, at(MONDAY, "02:00"), None)),
        (at(MONDAY, "23:59"), "08:00-24:00", (), Opening(True, at(MONDAY, "24:00"), None)),
        (at(MONDAY, "12:00"), ROUND, (), Opening(True, None, None)),
        # A holiday: what began the evening before goes on, the day's own hours do not begin.
        (at(MONDAY, "01:00"), "20:00-02:00", (Special(MONDAY, MONDAY, None, None),), Opening(True, at(MONDAY, "02:00"), None)),
        (at(MONDAY, "21:00"), "20:00-02:00", (Special(MONDAY, MONDAY, None, None),), Opening(False, None, at(MONDAY, "44:00"))),
        (at(MONDAY, "21:00"), "08:00-20:00", (Special(MONDAY, MONDAY, "20:00", "01:00"),), Opening(True, at(MONDAY, "25:00"), None)),
        (at(MONDAY, "09:00"), "08:00-20:00", (Special(MONDAY, MONDAY + timedelta(days=60), None, None),), Opening(False, None, None)),
    ],
)
def test_the_cases_people_argue_about(now: datetime, hours: Any, special: tuple[Special, ...], expected: Opening) -> None:
    assert told(now, hours, special) == expected


def test_a_pause_ends_by_itself_with_its_last_day() -> None:
    noon = at(MONDAY, "12:00")
    assert told(noon, "08:00-22:00", paused=True) == Opening(False, None, None)
    assert told(noon, "08:00-22:00", paused=True, until=MONDAY) == Opening(False, None, at(MONDAY, "32:00"))
    assert told(noon, "08:00-22:00", paused=True, until=MONDAY - timedelta(days=1)).open
