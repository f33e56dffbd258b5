"""Pure reckoning of one run of a stage: when it is due, how much of it is used, when to warn. Pauses do not count."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.reports.models_clocks import ReportClock
from app.reports.words import Stage
from app.reports.workflow import Clock
from app.workdays import workflow as workdays
from app.workdays.workflow import Calendar

NOTHING = timedelta()
# At which share of its limit somebody is warned before it has passed; a review or a judgement is short, and is asked for once.
SHARES: Mapping[Stage, tuple[int, ...]] = {
    Stage.REVIEW: (80,), Stage.DISPATCH: (80,), Stage.HANDLE: (50, 80), Stage.VERIFY: (80,), Stage.DECIDE: (80,), Stage.FEEDBACK: (),
}
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Ruler:
    """Measures time as one clock counts it: working hours, or every hour."""

    clock: Clock
    calendar: Calendar

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much passes from `start` to `end`; nothing when the end comes first."""
        if self.clock is Clock.WORKING:
            return workdays.working_time(start, end, self.calendar)
        return max(end - start, NOTHING)

    def after(self, start: datetime, length: timedelta) -> datetime:
        return workdays.add_working_time(start, length, self.calendar) if self.clock is Clock.WORKING else start + length


def ruler(limit: Mapping[str, Any], calendar: Calendar) -> Ruler:
    return Ruler(Clock(limit["clock"]), calendar)


def length(limit: Mapping[str, Any]) -> timedelta:
    """How long the stage may take, on its own clock: a working day has eight hours."""
    day = timedelta(minutes=workdays.DAY_MINUTES) if limit["clock"] == Clock.WORKING else timedelta(days=1)
    minutes: int = limit["minutes"]
    days: int = limit["days"]
    return days * day + timedelta(minutes=minutes)


class Turn(StrEnum):
    """What moves or stops a clock, in the order in which they come at one instant."""

    START = "start"
    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Step:
    """One turn and what held after it: the due time, and since when the clock stands still (what is left counts from there)."""

    turn: Turn
    at: datetime
    due: datetime
    paused_at: datetime | None = None
    by_request: bool = False


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def steps(run: ReportClock, rule: Ruler) -> list[Step]:
    """The run told again from its limit: the last step has the due time as this calendar gives it."""
    adopted = run.limit.get("adopted")
    start = Step(Turn.START, run.started_at, instant(adopted) if adopted else rule.after(run.started_at, length(run.limit)))
    told = [start]
    for at, turn, fact in _turns(run):
        told.append(_next(rule, told[-1], at, turn, fact))
    return told


def _turns(run: ReportClock) -> list[tuple[datetime, Turn, Mapping[str, Any]]]:
    found = [(instant(one["at"]), Turn.EXTEND, one) for one in run.extensions]
    found += [(instant(one["from"]), Turn.PAUSE, one) for one in run.pauses]
    found += [(instant(one["to"]), Turn.RESUME, one) for one in run.pauses if one["to"]]
    return sorted(found, key=lambda each: (each[0], list(Turn).index(each[1])))


def _next(rule: Ruler, last: Step, at: datetime, turn: Turn, fact: Mapping[str, Any]) -> Step:
    asked = fact.get("request_id") is not None
    if turn is Turn.PAUSE:
        return Step(turn, at, last.due, at, asked)
    if turn is Turn.EXTEND:
        return Step(turn, at, instant(fact["until"]), at if last.paused_at else None, asked)
    return Step(turn, at, moved(rule, last.due, last.paused_at, at))


def moved(rule: Ruler, due: datetime, paused_at: datetime | None, now: datetime) -> datetime:
    """The limit with what was left of it when the clock stopped. One that had passed already stays."""
    if paused_at is None or due <= paused_at:
        return due
    return rule.after(now, rule.between(paused_at, due))


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a run's time is gone, and how much it has altogether."""

    gone: timedelta
    whole: timedelta

    @property
    def percent(self) -> int:
        """Whole percent; above 100 once the limit has passed."""
        return WHOLE if not self.whole else int(WHOLE * self.gone / self.whole)


def use(run: ReportClock, rule: Ruler, now: datetime) -> Use:
    """As it stands at `now`, or as it stood when the run ended."""
    gone = active(run, rule, min(now, run.ended_at or now))
    still = steps(run, rule)[-1].paused_at if paused(run) else None
    if still is None or run.due_at <= still:
        return Use(gone, active(run, rule, run.due_at))
    return Use(gone, gone + rule.between(still, run.due_at))


def paused(run: ReportClock) -> bool:
    return bool(run.pauses) and run.pauses[-1]["to"] is None


def active(run: ReportClock, rule: Ruler, until: datetime) -> timedelta:
    """What the clock has counted by then."""
    return sum((rule.between(begin, min(end, until) if end else until) for begin, end in _pieces(run) if begin < until), NOTHING)


def warn_at(run: ReportClock, rule: Ruler, now: datetime) -> datetime | None:
    """When the next share of the limit will have passed that nobody was warned of; None while paused and after the last."""
    if paused(run):
        return None
    used = use(run, rule, now)
    share = next((one for one in SHARES[run.stage] if one > run.warned), None)
    return None if share is None else _reached(run, rule, used.whole * share / WHOLE)


def first_warning(stage: Stage, rule: Ruler, start: datetime, due: datetime) -> datetime | None:
    """The same for a run that begins."""
    share = next(iter(SHARES[stage]), None)
    return None if share is None else rule.after(start, rule.between(start, due) * share / WHOLE)


def reached(run: ReportClock, rule: Ruler, now: datetime) -> int:
    """The highest share of the limit that has passed and that is warned of; 0 for none, 100 for the limit itself."""
    percent = use(run, rule, now).percent
    return max((one for one in (*SHARES[run.stage], WHOLE) if one <= percent), default=0)


def _reached(run: ReportClock, rule: Ruler, amount: timedelta) -> datetime | None:
    """The instant by which the clock has counted so much."""
    left = amount
    for begin, end in _pieces(run):
        counted = rule.between(begin, end) if end else left
        if counted >= left:
            return rule.after(begin, left)
        left -= counted
    return None


def _pieces(run: ReportClock) -> Iterator[tuple[datetime, datetime | None]]:
    """The spans in which the clock runs; the last has no end unless it stands still."""
    begin = run.started_at
    for one in run.pauses:
        yield begin, instant(one["from"])
        if one["to"] is None:
            return
        begin = instant(one["to"])
    yield begin, None
