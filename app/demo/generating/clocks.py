"""The runs of a report's stages, as `reports/service/clocks.py` leaves them; on a table of working hours, because there are millions."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Self
from uuid import UUID

from app import clock
from app.categories.models import ReportCategoryVersion
from app.reports import reckoning, workflow
from app.reports.models_clocks import ReportClock
from app.reports.reckoning import Ruler
from app.reports.words import Stage, Status
from app.workdays.workflow import HOURS, Calendar

AROUND = timedelta(days=120)  # limits reach so far beyond the run


@dataclass(frozen=True, slots=True)
class WorkingRuler(Ruler):
    """The same as its base, by looking up: `passed` is the working time before each span and after the last."""

    opens: Sequence[datetime]
    closes: Sequence[datetime]
    passed: Sequence[timedelta]

    @classmethod
    def over(cls, first: datetime, last: datetime, calendar: Calendar) -> Self:
        day, spans = clock.local_day(first - AROUND), []
        while day <= clock.local_day(last + AROUND):
            if calendar(day):
                spans += [tuple(datetime.combine(day, edge, clock.SHANGHAI).astimezone(first.tzinfo) for edge in span) for span in HOURS]
            day += timedelta(days=1)
        opens, closes = zip(*spans, strict=True)
        lengths = (end - begin for begin, end in spans)
        return cls(workflow.Clock.WORKING, calendar, opens, closes, list(accumulate(lengths, initial=timedelta())))

    def between(self, start: datetime, end: datetime) -> timedelta:
        return max(self._gone(end) - self._gone(start), timedelta())

    def after(self, start: datetime, length: timedelta) -> datetime:
        if not length:
            return start
        wanted = self._gone(start) + length
        span = bisect_left(self.passed, wanted) - 1
        return self.opens[span] + (wanted - self.passed[span])

    def _gone(self, at: datetime) -> timedelta:
        span = bisect_right(self.closes, at)
        return self.passed[span] + max(at - self.opens[span], timedelta())


@dataclass(frozen=True, slots=True)
class Limit:
    """The policy of one stage of one category: what a row keeps of it, and how it is measured."""

    kept: dict[str, Any]
    length: timedelta
    ruler: Ruler


def limits(policy: ReportCategoryVersion, working: Ruler) -> Mapping[Stage, Limit]:
    rulers = {workflow.Clock.WORKING: working, workflow.Clock.CALENDAR: Ruler(workflow.Clock.CALENDAR, working.calendar)}
    made = {}
    for stage in Stage:
        limit = workflow.limit(stage, workflow.limits_of(policy.severity, policy.severity, policy.limits))
        kept = {
            "clock": limit.clock.value, "minutes": limit.minutes, "days": limit.days, "severity": policy.severity.value,
            "category": policy.category_code, "category_version": policy.version,
        }
        made[stage] = Limit(kept, reckoning.length(kept), rulers[limit.clock])
    return made


class Clocks:
    """The runs of one report while its life is told; `late` is what the report keeps of them."""

    def __init__(self, limits: Mapping[Stage, Limit]) -> None:
        self._limits = limits
        self.runs: list[dict[str, Any]] = []
        self.late = False
        self.paused_at: datetime | None = None

    @property
    def running(self) -> dict[str, Any] | None:
        return self.runs[-1] if self.runs and "ended_at" not in self.runs[-1] else None

    def turn(self, before: Status | None, to: Status, at: datetime, by: UUID | None) -> None:
        """Another state: the run goes on, pauses, or ends and another begins."""
        run, stage = self.running, workflow.STAGES[to]
        if before is not None and run is not None:
            if (before, to) in workflow.KEEPS_DUE:
                self._pause(run, at, by) if to is Status.SUSPENDED else None
                return
            if before is Status.SUSPENDED and stage is run["stage"]:
                self._resume(run, at)
                return
            self._end(run, at)
        if stage is not None:
            limit = self._limits[stage]
            due = limit.ruler.after(at, limit.length)
            self.runs.append({"stage": stage, "state": to, "started_at": at, "limit": limit.kept, "due_at": due})

    def extend(self, until: datetime, at: datetime, by: UUID | None) -> None:
        assert self.running is not None
        fact = {"at": at.isoformat(), "until": until.isoformat(), "by": str(by), "request_id": None}
        self.running["extensions"] = [fact]
        self.running["due_at"] = until

    def settle(self, until: datetime) -> datetime | None:
        """What the one that still runs has told of: returns when its passed limit was told."""
        run = self.running
        if run is None or self.paused_at is not None:
            return None
        if run["due_at"] < until and run["stage"] is not Stage.FEEDBACK:
            run["warned"] = reckoning.WHOLE
            told: datetime = run["due_at"]
            return told
        rule, shown = self._limits[run["stage"]].ruler, ReportClock(pauses=run.get("pauses", []), **_bare(run))
        shown.warned = max((one for one in reckoning.SHARES[shown.stage] if one <= reckoning.use(shown, rule, until).percent), default=0)
        run["warned"], run["warn_at"] = shown.warned, reckoning.warn_at(shown, rule, until)
        return None

    def _pause(self, run: dict[str, Any], at: datetime, by: UUID | None) -> None:
        self.paused_at = at
        run["pauses"] = [{"from": at.isoformat(), "to": None, "by": str(by), "request_id": None}]

    def _resume(self, run: dict[str, Any], at: datetime) -> None:
        run["due_at"] = reckoning.moved(self._limits[run["stage"]].ruler, run["due_at"], self.paused_at, at)
        run["pauses"][-1]["to"] = at.isoformat()
        self.paused_at = None

    def _end(self, run: dict[str, Any], at: datetime) -> None:
        in_time = run["stage"] is Stage.FEEDBACK or run["due_at"] >= at
        run["ended_at"], run["in_time"] = at, in_time
        self.late = self.late or (run["stage"] is Stage.HANDLE and run["due_at"] < at)


def _bare(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name not in ("pauses", "extensions")} | {
        "extensions": run.get("extensions", []), "report_id": UUID(int=0),
    }
