"""The pure rules of opening: is a store open, until when, or when does it open next. In local minutes: Shanghai has no summer time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app import clock

DAY = 24 * 60
HORIZON = 31  # days that are looked at: what does not change within them is told as null
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Special:
    """Local days, both included, with other hours than the week's; without hours the store is closed."""

    first: date
    last: date
    opens: str | None
    closes: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """`until`: when an open store closes; `next`: when a closed one opens. Null: not within the horizon, or nobody knows."""

    open: bool
    until: datetime | None
    next: datetime | None


def is_paused(paused: bool, until: date | None, today: date) -> bool:
    """A pause with a last day ends by itself with that day."""
    return paused and (until is None or until >= today)


def pause_in_words(until: date | None, note: str | None) -> str:
    """A line for the page that a scan opens."""
    return "暂停营业" + (f"至 {until:%Y年%m月%d日}" if until else "") + (f"：{note}" if note else "")


def opening(*, hours: Any, special: Sequence[Special], paused: bool, paused_until: date | None, now: datetime) -> Opening:
    """By the hours of the week, which `special` replaces for what begins on those days; a paused store is closed.

    `hours` as they were given: a text for every day, or a list. What began the evening before goes on after midnight whatever the day is.
    """
    today = clock.local_day(now)
    midnight = clock.day_start(today)
    moment = (now - midnight).total_seconds() / 60
    still = is_paused(paused, paused_until, today)
    if still and paused_until is None:
        return Opening(False, None, None)
    resumes = (paused_until - today).days * DAY + DAY if still and paused_until else 0
    if resumes >= HORIZON * DAY:
        return Opening(False, None, None)
    for start, end in _merged(_spans(_week(hours), special, today)):
        if end <= max(moment, resumes):
            continue
        if start <= moment and not still:
            return Opening(True, None if end >= HORIZON * DAY else midnight + timedelta(minutes=end), None)
        return Opening(False, None, midnight + timedelta(minutes=max(start, resumes)))
    return Opening(False, None, None)


def _week(hours: Any) -> list[list[Span]]:
    """The spans that begin on each day of the week, Monday first."""
    listed = hours if isinstance(hours, list) else [{"days": range(1, 8), "opens": hours[:5], "closes": hours[6:]}]
    week: list[list[Span]] = [[] for _ in range(7)]
    for one in listed:
        for day in one["days"]:
            week[day - 1].append(_span(one["opens"], one["closes"]))
    return week


def _span(opens: str, closes: str) -> Span:
    """Minutes from the day's midnight. What closes before it opens, or as it opens, does so on the next day."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (opens, closes))
    return start, end if end > start else end + DAY


def _spans(week: Sequence[Sequence[Span]], special: Sequence[Special], today: date) -> Iterator[Span]:
    """From yesterday to the horizon, by their beginnings."""
    for offset in range(-1, HORIZON):
        day = today + timedelta(days=offset)
        other = next((one for one in special if one.first <= day <= one.last), None)
        if other is None:
            spans = week[day.weekday()]
        else:
            spans = [] if other.opens is None or other.closes is None else [_span(other.opens, other.closes)]
        for start, end in sorted(spans):
            yield start + offset * DAY, end + offset * DAY


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    """Those that touch become one: who is open to midnight and from midnight does not close."""
    held: Span | None = None
    for start, end in spans:
        if held is not None and start <= held[1]:
            held = held[0], max(held[1], end)
            continue
        if held is not None:
            yield held
        held = start, end
    if held is not None:
        yield held
