"""Pure rules of the report loop: THE transition table, who may give which command, limits, clocks, what is paid, who sees whom."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role
from app.categories.models import Severity
from app.reports.words import ActorRole, Stage, Status

REPORTER, JOINED, REVIEWER, ASSIGNEE, SYSTEM = (
    ActorRole.REPORTER, ActorRole.JOINED_REPORTER, ActorRole.REVIEWER, ActorRole.ASSIGNEE, ActorRole.SYSTEM,
)


class Command(StrEnum):
    """In the order in which `allowed` tells them."""

    WITHDRAW = "withdraw"
    ACCEPT = "accept"
    REJECT = "reject"
    MERGE = "merge"
    UNMERGE = "unmerge"
    DISPATCH = "dispatch"
    SEND_BACK = "send-back"
    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"
    DECIDE_REQUEST = "decide-request"
    RESOLVE = "resolve"
    VERIFY = "verify"
    FEEDBACK = "feedback"
    DECIDE = "decide"
    REOPEN = "reopen"
    AMEND = "amend"
    TRANSFER = "transfer"
    ESCALATE = "escalate"
    SECOND_LOOK = "second-look"


class Deed(StrEnum):
    """What somebody has done on a report, which bars them from judging it."""

    RESOLVER = "resolver"
    VERIFIER = "verifier"
    ASKER = "asker"


class Need(StrEnum):
    """What a command needs besides the state."""

    OPEN_REQUEST = "open_request"
    TARGET_NOT_DISPATCHED = "target_not_dispatched"
    REOPENING_LEFT = "reopening_left"
    LEVEL_ABOVE = "level_above"
    PENDING_LOOK = "pending_look"


S = Status
FINAL = frozenset({S.REJECTED, S.MERGED, S.WITHDRAWN, S.CLOSED})
OPEN = frozenset(S) - FINAL
PUBLIC = OPEN - {S.SUBMITTED} | {S.CLOSED}  # what members see of strangers' reports on the map
HANDLING = frozenset({S.DISPATCHED, S.IN_PROGRESS, S.SUSPENDED})
MERGEABLE = frozenset({S.SUBMITTED, S.ACCEPTED})
STAFF = (Role.REVIEWER, Role.AREA_ADMIN, Role.GRID_WORKER)


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may give a command in which states, and where it may lead. No target: the state stays.

    `never`: whoever did this on the report may not give it. `needs`: what must be so besides. `asks`: who only asks the reviewer by it,
    for one thing at a time.
    """

    by: Mapping[ActorRole, frozenset[Status]]
    to: frozenset[Status]
    never: frozenset[Deed]
    needs: Need | None
    asks: frozenset[ActorRole]

    @property
    def sources(self) -> frozenset[Status]:
        return frozenset[Status]().union(*self.by.values())


def _rule(
    by: Mapping[ActorRole, Collection[Status]], *to: Status, never: Collection[Deed] = (), needs: Need | None = None,
    asks: Collection[ActorRole] = (),
) -> Rule:
    return Rule({actor: frozenset(sources) for actor, sources in by.items()}, frozenset(to), frozenset(never), needs, frozenset(asks))


TABLE: Mapping[Command, Rule] = {
    Command.WITHDRAW: _rule({REPORTER: [S.SUBMITTED]}, S.WITHDRAWN),
    Command.ACCEPT: _rule({REVIEWER: [S.SUBMITTED]}, S.ACCEPTED),
    Command.REJECT: _rule({REVIEWER: [S.SUBMITTED]}, S.REJECTED),
    Command.MERGE: _rule({REVIEWER: MERGEABLE}, S.MERGED),
    Command.UNMERGE: _rule({REVIEWER: [S.MERGED], SYSTEM: [S.MERGED]}, S.SUBMITTED, needs=Need.TARGET_NOT_DISPATCHED),
    Command.DISPATCH: _rule({REVIEWER: [S.ACCEPTED, S.DISPATCHED, S.REOPENED]}, S.DISPATCHED),
    Command.SEND_BACK: _rule({ASSIGNEE: [S.DISPATCHED, S.IN_PROGRESS]}, S.ACCEPTED),
    Command.START: _rule({ASSIGNEE: [S.DISPATCHED]}, S.IN_PROGRESS),
    Command.SUSPEND: _rule({ASSIGNEE: [S.IN_PROGRESS], REVIEWER: [S.IN_PROGRESS]}, S.SUSPENDED, asks=[ASSIGNEE]),
    Command.RESUME: _rule({ASSIGNEE: [S.SUSPENDED], REVIEWER: [S.SUSPENDED], SYSTEM: [S.SUSPENDED]}, S.IN_PROGRESS),
    Command.EXTEND: _rule({ASSIGNEE: HANDLING, REVIEWER: HANDLING | {S.ACCEPTED, S.REOPENED}}, asks=[ASSIGNEE]),
    Command.DECIDE_REQUEST: _rule({REVIEWER: HANDLING}, S.SUSPENDED, never=[Deed.ASKER], needs=Need.OPEN_REQUEST),
    Command.RESOLVE: _rule({ASSIGNEE: [S.IN_PROGRESS]}, S.RESOLVED),
    Command.VERIFY: _rule({REVIEWER: [S.RESOLVED]}, S.AWAITING_FEEDBACK, S.IN_PROGRESS, never=[Deed.RESOLVER]),
    Command.FEEDBACK: _rule(
        {REPORTER: [S.AWAITING_FEEDBACK], JOINED: [S.AWAITING_FEEDBACK], SYSTEM: [S.AWAITING_FEEDBACK]}, S.CLOSED, S.DISPUTED
    ),
    Command.DECIDE: _rule({REVIEWER: [S.DISPUTED]}, S.IN_PROGRESS, S.CLOSED),
    Command.REOPEN: _rule({REPORTER: [S.CLOSED], JOINED: [S.CLOSED]}, S.REOPENED, needs=Need.REOPENING_LEFT),
    Command.AMEND: _rule({REPORTER: [S.SUBMITTED]}),
    Command.TRANSFER: _rule({REVIEWER: [S.SUBMITTED, S.ACCEPTED, S.REOPENED]}),
    Command.ESCALATE: _rule({REVIEWER: OPEN}, needs=Need.LEVEL_ABOVE),
    Command.SECOND_LOOK: _rule(
        {REVIEWER: [S.AWAITING_FEEDBACK, S.CLOSED]}, S.DISPUTED, never=[Deed.RESOLVER, Deed.VERIFIER], needs=Need.PENDING_LOOK
    ),
}

REOPEN_WITHIN, MAX_REOPENS = timedelta(days=7), 2
FEEDBACK_WITHIN = timedelta(days=7)
DUPLICATE_RADIUS_M, DUPLICATE_WITHIN = 100, timedelta(days=7)
OUTSIDE_BEYOND_M = 20_000  # where nobody drew a boundary: a place farther from the nearest centre is in no area of ours


class Facts(NamedTuple):
    """What the rules ask about a report and one caller. `now` is the database's clock."""

    status: Status
    now: datetime
    deeds: frozenset[Deed] = frozenset()
    request_open: bool = False
    into_dispatched: bool = False
    reopen_count: int = 0
    ended_at: datetime | None = None
    at_top: bool = False
    look_pending: bool = False


def actors(
    principal: Principal, *, member_id: UUID, assignee_id: UUID | None, joined: bool, area_path: str
) -> frozenset[ActorRole]:
    """The parts that a caller has in a report. Who reported it or joined it is no reviewer of it."""
    me, found = principal.account_id, set[ActorRole]()
    if me == member_id:
        found.add(REPORTER)
    elif joined:
        found.add(JOINED)
    elif principal.covers(area_path, Role.REVIEWER):
        found.add(REVIEWER)
    if me == assignee_id and principal.covers(area_path, Role.GRID_WORKER):
        found.add(ASSIGNEE)
    return frozenset(found)


def sees(principal: Principal, *, member_id: UUID, joined: bool, area_path: str) -> bool:
    """Reporters see their report, staff those of their areas. An assignee is a grid worker of that area, or has lost the right."""
    return joined or principal.account_id == member_id or principal.covers(area_path, *STAFF)


def handles(principal: Principal, *, member_id: UUID, area_path: str) -> bool:
    """Reviewers and administrators of its area, whose own report it is not."""
    return principal.account_id != member_id and principal.covers(area_path, Role.REVIEWER, Role.AREA_ADMIN)


def permitted(command: Command, parts: frozenset[ActorRole], facts: Facts) -> bool:
    """May the caller give this command at all, in whatever state? If not, the answer is 403."""
    return _permitted(TABLE[command], parts, facts.deeds)


def _permitted(rule: Rule, parts: frozenset[ActorRole], deeds: frozenset[Deed]) -> bool:
    return rule.never.isdisjoint(deeds) and not rule.by.keys().isdisjoint(parts)


def actor_for(command: Command, parts: frozenset[ActorRole], facts: Facts) -> ActorRole | None:
    """In which part the caller gives the command now; None when the state does not allow it. An assignee who is also the reviewer asks."""
    rule = TABLE[command]
    return _actor(rule, parts, facts.status) if met(rule.needs, facts) else None


def _actor(rule: Rule, parts: frozenset[ActorRole], status: Status) -> ActorRole | None:
    order = (ASSIGNEE, REVIEWER, REPORTER, JOINED, SYSTEM)
    return next((part for part in order if part in parts and status in rule.by.get(part, ())), None)


def met(need: Need | None, facts: Facts) -> bool:
    """Is it so, what a command needs besides the state?"""
    return need is None or need in _met(facts)


def _met(facts: Facts) -> frozenset[Need]:
    in_time = facts.ended_at is not None and facts.now <= facts.ended_at + REOPEN_WITHIN
    reopening = in_time and facts.reopen_count < MAX_REOPENS
    return _needs(reopening, not facts.into_dispatched, facts.request_open, not facts.at_top, facts.look_pending)


@cache
def _needs(reopening_left: bool, target_not_dispatched: bool, open_request: bool, level_above: bool, pending_look: bool) -> frozenset[Need]:
    found = {
        Need.REOPENING_LEFT: reopening_left, Need.TARGET_NOT_DISPATCHED: target_not_dispatched, Need.OPEN_REQUEST: open_request,
        Need.LEVEL_ABOVE: level_above, Need.PENDING_LOOK: pending_look,
    }
    return frozenset(need for need, is_so in found.items() if is_so)


def allowed(parts: frozenset[ActorRole], facts: Facts) -> list[str]:
    """The commands that the caller may give now."""
    return list(_allowed(parts, facts.status, facts.deeds, facts.request_open, _met(facts)))


@lru_cache(maxsize=4096)
def _allowed(
    parts: frozenset[ActorRole], status: Status, deeds: frozenset[Deed], request_open: bool, needs: frozenset[Need]
) -> tuple[str, ...]:
    """A list asks it for each of its rows, and most stand alike."""
    found = []
    for command in Command:
        rule = TABLE[command]
        actor = _actor(rule, parts, status) if rule.needs is None or rule.needs in needs else None
        if actor is not None and _permitted(rule, parts, deeds) and not (request_open and actor in rule.asks):
            found.append(command.value)
    return tuple(found)


class Clock(StrEnum):
    WORKING = "working"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many minutes or days, of working hours or of the calendar."""

    clock: Clock
    minutes: int = 0
    days: int = 0


DEFAULT_LIMITS: Mapping[Severity, Mapping[str, Any]] = {
    Severity.NORMAL: {"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 5, "clock": "working"},
    Severity.HAZARD: {"review_minutes": 120, "dispatch_minutes": 60, "handle_days": 1, "clock": "working"},
    Severity.EMERGENCY: {"review_minutes": 15, "dispatch_minutes": 15, "handle_minutes": 120, "clock": "calendar"},
}


def limits_of(severity: Severity, own_severity: Severity | None, own: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The category's own limits; those of the severity when a reviewer gave it another, or while there is no category."""
    return own if own and severity is own_severity else DEFAULT_LIMITS[severity]


def limit(stage: Stage, limits: Mapping[str, Any]) -> Limit:
    """How long a stage may take. Feedback has seven calendar days; a resolution and a dispute are judged within a working day."""
    if stage is Stage.FEEDBACK:
        return Limit(Clock.CALENDAR, days=FEEDBACK_WITHIN.days)
    if stage in (Stage.VERIFY, Stage.DECIDE):
        return Limit(Clock.WORKING, days=1)
    return Limit(Clock(limits["clock"]), limits.get(f"{stage}_minutes", 0), limits.get(f"{stage}_days", 0))


STAGES: Mapping[Status, Stage | None] = {
    S.SUBMITTED: Stage.REVIEW, S.ACCEPTED: Stage.DISPATCH, S.REOPENED: Stage.DISPATCH, S.DISPATCHED: Stage.HANDLE,
    S.IN_PROGRESS: Stage.HANDLE, S.SUSPENDED: Stage.HANDLE, S.RESOLVED: Stage.VERIFY, S.AWAITING_FEEDBACK: Stage.FEEDBACK,
    S.DISPUTED: Stage.DECIDE, S.CLOSED: None, S.REJECTED: None, S.MERGED: None, S.WITHDRAWN: None,
}
# Steps within one piece of work: the limit that runs goes on.
KEEPS_DUE = frozenset({(S.DISPATCHED, S.DISPATCHED), (S.DISPATCHED, S.IN_PROGRESS), (S.IN_PROGRESS, S.SUSPENDED)})


def overdue(status: Status, due_at: datetime | None, now: datetime) -> bool:
    """Past its limit while its clock runs. Reporters are never late."""
    return due_at is not None and due_at < now and status not in (S.SUSPENDED, S.AWAITING_FEEDBACK)


CLOSING_RULE, JOINED_RULE = "REPORT_CLOSED", "REPORT_JOINED"

TOLD: Mapping[Status, tuple[str, str]] = {
    S.SUBMITTED: ("上报已重新进入审核", "您的上报已从合并中拆出，将单独审核。"),
    S.ACCEPTED: ("上报已受理", "您反映的问题已受理，正在安排处理人员。"),
    S.DISPATCHED: ("上报已派单", "您反映的问题已派给网格员处理。"),
    S.IN_PROGRESS: ("上报处理中", "网格员正在处理您反映的问题。"),
    S.SUSPENDED: ("上报已挂账", "因客观原因暂缓处理，恢复后会再通知您。"),
    S.RESOLVED: ("上报已处置", "网格员已完成处置，正在核查。"),
    S.AWAITING_FEEDBACK: ("请评价处理结果", "您反映的问题已处理并核查，请在 7 天内评价。"),
    S.DISPUTED: ("已收到不满意的评价", "审核员将重新研判处理结果。"),
    S.REOPENED: ("上报已重新打开", "问题将重新派单处理。"),
    S.CLOSED: ("上报已办结", "感谢您的上报。7 天内如有反复，可以重新打开。"),
    S.REJECTED: ("上报未予受理", "您的上报未予受理，原因见详情。"),
    S.MERGED: ("上报已合并", "您反映的问题已有人上报，已合并处理，进展会同样通知您。"),
    S.WITHDRAWN: ("上报已撤回", "该上报已由上报人撤回；如果问题还在，请您另行上报。"),
}
