"""How a report goes from state to state: a pure model of the commands that its people give. Nothing here knows a table."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from app.demo.generating.plan import Plan
from app.reports.words import ActorRole, RejectReason, Status
from app.reports.workflow import FEEDBACK_WITHIN, FINAL, Command

S, C = Status, Command
# What becomes of a report that nothing stops; the rest is closed.
REJECTED, WITHDRAWN, MERGED = 0.08, 0.02, 0.03
STUCK, JOINS = 0.05, 0.02
STUCK_AT: dict[Status, int] = {
    S.SUBMITTED: 25, S.ACCEPTED: 15, S.DISPATCHED: 20, S.IN_PROGRESS: 20, S.SUSPENDED: 10, S.RESOLVED: 6, S.DISPUTED: 4,
}
SUSPENDED, EXTENDED, REWORKED = 0.04, 0.04, 0.05
SILENT, DISPUTED = 0.3, 0.06
REASONS = tuple(RejectReason)


class Who(Enum):
    """Who gives a command: the community's reviewer accepts, the street's verifies."""

    REPORTER = auto()
    REVIEWER = auto()
    CHIEF = auto()
    WORKER = auto()
    SYSTEM = auto()


ROLES = {
    Who.REPORTER: ActorRole.REPORTER, Who.REVIEWER: ActorRole.REVIEWER, Who.CHIEF: ActorRole.REVIEWER, Who.WORKER: ActorRole.ASSIGNEE,
    Who.SYSTEM: ActorRole.SYSTEM,
}


@dataclass(slots=True)
class Step:
    """One command. Facts that name somebody or something are added where these are known."""

    at: datetime
    command: Command
    by: Who
    to: Status
    note: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Life:
    """The commands of one report after its filing, up to the end of the run."""

    report: int
    filed_at: datetime
    steps: list[Step]
    joins: bool

    @property
    def status(self) -> Status:
        return self.steps[-1].to if self.steps else S.SUBMITTED

    def reached(self, state: Status) -> datetime | None:
        return next((step.at for step in self.steps if step.to is state), None)

    def takes(self, at: datetime) -> bool:
        """Can somebody join at that time? It is open, and on its way to be closed as a real problem."""
        if not self.filed_at < at or self.status in (S.REJECTED, S.WITHDRAWN, S.MERGED):
            return False
        return self.status not in FINAL or at < self.steps[-1].at


def life_of(plan: Plan, report: int, chance: random.Random | None = None) -> Life:
    """`chance` is that of the report, after its id was drawn."""
    drawn = chance or plan.chance_of(report)
    if chance is None:
        drawn.getrandbits(74)
    filed_at, joins = plan.filed_at(report), drawn.random() < JOINS
    stuck = _stuck(drawn)
    steps: list[Step] = []
    for step in _steps(drawn, filed_at, stuck):
        if step.at > plan.until or stuck is (steps[-1].to if steps else S.SUBMITTED):
            break
        steps.append(step)
    return Life(report, filed_at, steps, joins)


def _stuck(chance: random.Random) -> Status | None:
    """The state in which nobody gives the next command."""
    if chance.random() >= STUCK:
        return None
    return chance.choices(list(STUCK_AT), list(STUCK_AT.values()))[0]


class _Hand:
    """Writes steps down one after the other, each some hours after the last."""

    def __init__(self, chance: random.Random, at: datetime) -> None:
        self.chance, self.at = chance, at

    def give(
        self, hours: tuple[float, float], command: Command, by: Who, to: Status, note: str | None = None, **facts: Any
    ) -> Step:
        self.at += timedelta(seconds=int(3600 * self.chance.uniform(*hours)))
        return Step(self.at, command, by, to, note, facts)


def _steps(chance: random.Random, filed_at: datetime, stuck: Status | None) -> Iterator[Step]:
    hand, drawn = _Hand(chance, filed_at), chance.random()
    if drawn < REJECTED:
        reason = REASONS[int(drawn / REJECTED * len(REASONS))]
        yield hand.give((0.2, 8), C.REJECT, Who.REVIEWER, S.REJECTED, "不属于受理范围", reason_code=reason.value)
    elif drawn < REJECTED + WITHDRAWN:
        yield hand.give((0.1, 2), C.WITHDRAW, Who.REPORTER, S.WITHDRAWN)
    elif drawn < REJECTED + WITHDRAWN + MERGED:
        yield hand.give((0.2, 8), C.MERGE, Who.REVIEWER, S.MERGED)
    else:
        yield hand.give((0.2, 8), C.ACCEPT, Who.REVIEWER, S.ACCEPTED, "情况属实")
        yield hand.give((0.2, 6), C.DISPATCH, Who.REVIEWER, S.DISPATCHED, "请按时限处理")
        yield hand.give((0.5, 20), C.START, Who.WORKER, S.IN_PROGRESS)
        yield from _work(hand, suspended=stuck is S.SUSPENDED)
        yield hand.give((1, 20), C.VERIFY, Who.CHIEF, S.AWAITING_FEEDBACK, "现场已看", passed=True)
        yield from _verdict(hand, disputed=stuck is S.DISPUTED)


def _work(hand: _Hand, *, suspended: bool) -> Sequence[Step]:
    drawn, steps = hand.chance.random(), []
    if suspended or drawn < SUSPENDED:
        steps.append(hand.give((1, 6), C.SUSPEND, Who.REVIEWER, S.SUSPENDED, "等待配件到货"))
        steps.append(hand.give((10, 60), C.RESUME, Who.REVIEWER, S.IN_PROGRESS))
    elif drawn < SUSPENDED + EXTENDED:
        until = hand.at + timedelta(days=9)
        steps.append(hand.give((0.5, 5), C.EXTEND, Who.REVIEWER, S.IN_PROGRESS, "需要协调施工", until=until.isoformat()))
    steps.append(hand.give((1, 60), C.RESOLVE, Who.WORKER, S.RESOLVED, "已处理完毕"))
    if drawn > 1 - REWORKED and not suspended:
        steps.append(hand.give((1, 20), C.VERIFY, Who.CHIEF, S.IN_PROGRESS, "没有清理干净", rework=True))
        steps.append(hand.give((1, 40), C.RESOLVE, Who.WORKER, S.RESOLVED, "已重新处理"))
    return steps


def _verdict(hand: _Hand, *, disputed: bool) -> Sequence[Step]:
    drawn = hand.chance.random()
    if not disputed and drawn < SILENT:
        silence = FEEDBACK_WITHIN / timedelta(hours=1)
        return [hand.give((silence + 0.01, silence + 0.05), C.FEEDBACK, Who.SYSTEM, S.CLOSED, silent=True)]
    if disputed or drawn < SILENT + DISPUTED:
        no = hand.give((0.5, 100), C.FEEDBACK, Who.REPORTER, S.DISPUTED, "没有处理干净", satisfied=False, rating=2)
        return [no, hand.give((1, 24), C.DECIDE, Who.CHIEF, S.CLOSED, "已再次核实", rework=False)]
    rating = 3 + int(drawn * 1_000) % 3
    return [hand.give((0.5, 100), C.FEEDBACK, Who.REPORTER, S.CLOSED, "处理得很快", satisfied=True, rating=rating)]
