"""Reports with random lives, written as rows and events, and their figures counted straight from what was written."""

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.areas.models import Area
from app.categories.models import Severity
from app.db.base import new_id
from app.db.session import AsyncSession
from app.reports.models import Report, ReportEvent
from app.reports.words import ActorRole, RejectReason, Status
from app.units.models import Kind, Unit
from tests.support.county import County

S, A = Status, ActorRole
ENDED = {S.REJECTED, S.CLOSED, S.WITHDRAWN}
PUBLIC = {S.ACCEPTED, S.AWAITING_FEEDBACK, S.DISPUTED, S.REOPENED, S.CLOSED}
Step = tuple[str, ActorRole, Status, dict[str, Any]]
# From a state, what may come next: command, by whom, to which state, with which facts.
STEPS: dict[Status, list[Step]] = {
    S.SUBMITTED: [
        ("accept", A.REVIEWER, S.ACCEPTED, {}), ("accept", A.REVIEWER, S.ACCEPTED, {}), ("reject", A.REVIEWER, S.REJECTED, {}),
        ("withdraw", A.REPORTER, S.WITHDRAWN, {}),
    ],
    S.ACCEPTED: [
        ("verify", A.REVIEWER, S.AWAITING_FEEDBACK, {"passed": True}), ("extend", A.REVIEWER, S.ACCEPTED, {"until": "2026-12-01"}),
        ("extend", A.ASSIGNEE, S.ACCEPTED, {"request": "extend"}),
        ("decide-request", A.REVIEWER, S.ACCEPTED, {"request": "extend", "approve": True}),
        ("decide-request", A.REVIEWER, S.ACCEPTED, {"request": "extend", "approve": False}),
        ("decide-request", A.REVIEWER, S.ACCEPTED, {"request": "suspend", "approve": True}),
        ("verify", A.REVIEWER, S.ACCEPTED, {"rework": True}),
    ],
    S.AWAITING_FEEDBACK: [
        ("feedback", A.REPORTER, S.CLOSED, {"satisfied": True}), ("feedback", A.REPORTER, S.DISPUTED, {"satisfied": False}),
        ("feedback", A.JOINED_REPORTER, S.DISPUTED, {"satisfied": False}), ("feedback", A.SYSTEM, S.CLOSED, {"silent": True}),
        ("feedback", A.JOINED_REPORTER, S.AWAITING_FEEDBACK, {"satisfied": True}),
    ],
    S.DISPUTED: [("decide", A.REVIEWER, S.CLOSED, {"rework": False}), ("decide", A.REVIEWER, S.ACCEPTED, {"rework": True})],
    S.CLOSED: [("reopen", A.REPORTER, S.REOPENED, {})],
    S.REOPENED: [("accept", A.REVIEWER, S.ACCEPTED, {})],
}


@dataclass
class Life:
    report: Report
    steps: list[tuple[datetime, Step]]

    @property
    def status(self) -> Status:
        return self.steps[-1][1][2]

    def had(self, test: Callable[[Step], bool]) -> bool:
        return any(test(step) for _, step in self.steps)

    @property
    def verdict(self) -> bool | None:
        given = [step[3]["satisfied"] for _, step in self.steps if step[0] == "feedback" and step[1] is A.REPORTER]
        return given[-1] if given else None

    @property
    def hours(self) -> float | None:
        if self.status is not S.CLOSED:
            return None
        first = next(at for at, step in self.steps if step[2] is S.CLOSED)
        return math.floor((first - self.report.created_at).total_seconds()) / 3600


@dataclass
class Lives:
    session: AsyncSession
    county: County
    member_id: UUID
    all: list[Life] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(20261129))

    async def begin(self, count: int) -> None:
        area = self.county.street
        self.units = [Unit(name=name, kind=Kind.COMPANY, area_id=area.id, area_path=area.path) for name in ("=环卫公司", "市政所")]
        self.session.add_all(self.units)
        await self.session.flush()
        for number in range(count):
            self._file(number)
        for life in self.all:
            for _ in range(self.chance.randint(0, 9)):
                self._go_on(life)
        await self._write(life.report for life in self.all)

    async def go_on(self) -> None:
        """Every third report goes one step further; some are moved to another place or category."""
        for life in self.all[::3]:
            self._go_on(life)
        for life in self.all[::7]:
            self._put(life.report)
            life.report.category_code = self.chance.choice(["road_hole", "grate", None])
        await self._write(())

    async def _write(self, rows: Iterable[Report]) -> None:
        self.session.add_all(rows)
        await self.session.flush()
        self.session.add_all(self._events)
        await self.session.flush()
        self._events.clear()

    _events: list[ReportEvent] = field(default_factory=list)

    def _file(self, number: int) -> None:
        at = clock.now() - timedelta(days=self.chance.uniform(1, 70))
        report = Report(
            id=new_id(), created_at=at, number=f"R20260101-{number:06d}", member_id=self.member_id, community_id=self.county.community.id,
            area_path="", lng=0, lat=0, category_code=self.chance.choice(["road_hole", "grate", "rubbish_exposed", None]),
            severity=self.chance.choice(list(Severity)), late=self.chance.random() < 0.3,
        )
        self._put(report)
        self.all.append(Life(report, []))
        self._note(self.all[-1], at, ("submit", A.REPORTER, S.SUBMITTED, {}))

    def _put(self, report: Report) -> None:
        area: Area = self.chance.choice([self.county.grid, self.county.other_grid, self.county.other_community, self.county.street])
        report.area_path, report.unit_id = area.path, self.chance.choice([None, *(unit.id for unit in self.units)])
        report.lng, report.lat = self.chance.uniform(116.70, 116.80), self.chance.uniform(35.50, 35.55)

    def _go_on(self, life: Life) -> None:
        steps = STEPS.get(life.status)
        if steps:
            self._note(life, life.steps[-1][0] + timedelta(minutes=self.chance.uniform(1, 90)), self.chance.choice(steps))

    def _note(self, life: Life, at: datetime, step: Step) -> None:
        command, actor, to, facts = step
        report, before = life.report, life.status if life.steps else None
        life.steps.append((at, step))
        self._events.append(
            ReportEvent(
                report_id=report.id, created_at=at, command=command, actor_role=actor, from_status=before, to_status=to, facts=facts
            )
        )
        report.status, report.ended_at = to, at if to in ENDED else None
        report.reject_reason = RejectReason.NOT_A_PROBLEM if to is S.REJECTED else None
        report.version += 1

    def within(self, path: str) -> list[Life]:
        return [life for life in self.all if life.report.area_path.startswith(path)]

    async def roll(self, run_job: Callable[..., Any]) -> None:
        await run_job("statistics.roll_up")
        left = await self.session.exec(sa.text("select count(*) from report_stale"))
        assert left.scalar_one() == 0


def straight(lives: list[Life]) -> dict[str, Any]:
    """The figures of these reports as `GET /reports/stats` tells them, counted one by one."""
    closed, verdicts = [life for life in lives if life.status is S.CLOSED], [life.verdict for life in lives if life.verdict is not None]
    hours = [life.hours or 0.0 for life in closed]
    tenths = statistics.quantiles(hours, n=10, method="inclusive") if len(hours) > 1 else hours * 9
    return {
        "received": len(lives), "filed": sum(life.had(lambda step: step[0] == "accept") for life in lives), "closed": len(closed),
        "closed_in_time": sum(not life.report.late for life in closed),
        "rework": sum(life.had(lambda step: step[3].get("rework") is True) for life in lives),
        "extension": sum(life.had(_extended) for life in lives),
        "satisfaction": round(sum(verdicts) / len(verdicts), 4) if verdicts else None,
        "median_hours": round(tenths[4], 2) if hours else None, "p90_hours": round(tenths[8], 2) if hours else None,
    }


def _extended(step: Step) -> bool:
    command, actor, _, facts = step
    own = command == "extend" and actor is A.REVIEWER
    return own or (facts.get("request") == "extend" and facts.get("approve") is True)


def grouped(lives: list[Life], key: Callable[[Life], Any]) -> dict[Any, list[Life]]:
    found: dict[Any, list[Life]] = defaultdict(list)
    for life in lives:
        found[key(life)].append(life)
    return found
