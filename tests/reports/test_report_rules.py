"""The transition table against the contract's, cell by cell, and the pure rules around it."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from app.categories.models import Severity
from app.reports import workflow
from app.reports.words import ActorRole, Stage, Status
from app.reports.workflow import Command, Deed, Facts

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
R, J, V, A = ActorRole.REPORTER, ActorRole.JOINED_REPORTER, ActorRole.REVIEWER, ActorRole.ASSIGNEE

# The contract, written a second time: command → who → states.
CONTRACT = {
    "withdraw": {R: "submitted"},
    "accept": {V: "submitted"},
    "reject": {V: "submitted"},
    "merge": {V: "submitted accepted"},
    "unmerge": {V: "merged"},
    "dispatch": {V: "accepted dispatched reopened"},
    "send-back": {A: "dispatched in_progress"},
    "start": {A: "dispatched"},
    "suspend": {A: "in_progress", V: "in_progress"},
    "resume": {A: "suspended", V: "suspended"},
    "extend": {A: "dispatched in_progress suspended", V: "accepted dispatched in_progress suspended reopened"},
    "decide-request": {V: "dispatched in_progress suspended"},
    "resolve": {A: "in_progress"},
    "verify": {V: "resolved"},
    "feedback": {R: "awaiting_feedback", J: "awaiting_feedback"},
    "decide": {V: "disputed"},
    "reopen": {R: "closed", J: "closed"},
    "amend": {R: "submitted"},
    "transfer": {V: "submitted accepted reopened"},
    "escalate": {V: "submitted accepted dispatched in_progress suspended resolved awaiting_feedback disputed reopened"},
    "second-look": {V: "awaiting_feedback closed"},
}
TARGETS = {
    "withdraw": "withdrawn", "accept": "accepted", "reject": "rejected", "merge": "merged", "unmerge": "submitted",
    "dispatch": "dispatched",
    "send-back": "accepted", "start": "in_progress", "suspend": "suspended", "resume": "in_progress", "extend": "",
    "decide-request": "suspended", "resolve": "resolved", "verify": "awaiting_feedback in_progress", "feedback": "closed disputed",
    "decide": "in_progress closed", "reopen": "reopened", "amend": "", "transfer": "", "escalate": "", "second-look": "disputed",
}


def facts(status: Status, **changes: object) -> Facts:
    known: dict[str, object] = {"request_open": True, "look_pending": True, "ended_at": NOW - timedelta(days=1)}
    return Facts(status=status, now=NOW, **(known | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", Command)
def test_each_cell_of_the_table(command: Command) -> None:
    for part, status in itertools.product((R, J, V, A), Status):
        wanted = status.value in CONTRACT[command].get(part, "").split()
        asked = facts(status, request_open=command is Command.DECIDE_REQUEST)
        assert (command.value in workflow.allowed(frozenset({part}), asked)) is wanted, (part, status)
        assert workflow.permitted(command, frozenset({part}), facts(status)) is (part in CONTRACT[command]), (part, status)


def test_targets_and_final_states() -> None:
    assert {command.value: set(rule.to) for command, rule in workflow.TABLE.items()} == {
        command: {Status(one) for one in targets.split()} for command, targets in TARGETS.items()
    }
    assert set(workflow.STAGES) == set(Status)
    assert {status for status, stage in workflow.STAGES.items() if stage is None} == workflow.FINAL
    leaves_final = {command for command, rule in workflow.TABLE.items() if rule.sources & workflow.FINAL}
    assert leaves_final == {Command.REOPEN, Command.UNMERGE, Command.SECOND_LOOK}, "the last is noted, and leaves none of them"
    reached = {status for rule in workflow.TABLE.values() for status in rule.to}
    assert reached == set(Status), "every state can be reached"


def test_nobody_at_all_may_nothing() -> None:
    assert all(workflow.allowed(frozenset(), facts(status)) == [] for status in Status)


def test_limits_of_commands_beyond_the_state() -> None:
    resolver = facts(Status.RESOLVED, deeds={Deed.RESOLVER})
    assert not workflow.permitted(Command.VERIFY, frozenset({V}), resolver)
    assert "decide-request" not in workflow.allowed(frozenset({V}), facts(Status.IN_PROGRESS, request_open=False))
    assert not workflow.permitted(Command.DECIDE_REQUEST, frozenset({V}), facts(Status.IN_PROGRESS, deeds={Deed.ASKER}))
    for deed in (Deed.RESOLVER, Deed.VERIFIER):
        assert not workflow.permitted(Command.SECOND_LOOK, frozenset({V}), facts(Status.CLOSED, deeds={deed}))
    assert "second-look" not in workflow.allowed(frozenset({V}), facts(Status.CLOSED, look_pending=False))
    assert "escalate" not in workflow.allowed(frozenset({V}), facts(Status.ACCEPTED, at_top=True))
    assert workflow.allowed(frozenset({V}), facts(Status.MERGED, into_dispatched=True)) == []
    assert workflow.allowed(frozenset({R}), facts(Status.CLOSED, ended_at=NOW - timedelta(days=7))) == ["reopen"]
    assert workflow.allowed(frozenset({R}), facts(Status.CLOSED, ended_at=NOW - timedelta(days=7, seconds=1))) == []
    assert workflow.allowed(frozenset({R}), facts(Status.CLOSED, reopen_count=2)) == []


def test_an_assignee_who_reviews_too_asks() -> None:
    assert workflow.actor_for(Command.SUSPEND, frozenset({V, A}), facts(Status.IN_PROGRESS)) is A
    assert workflow.actor_for(Command.EXTEND, frozenset({V, A}), facts(Status.REOPENED)) is V


def test_one_request_at_a_time() -> None:
    waiting = workflow.allowed(frozenset({A}), facts(Status.IN_PROGRESS))
    assert not {"suspend", "extend"} & set(waiting) and "resolve" in waiting
    assert {"suspend", "extend"} <= set(workflow.allowed(frozenset({V}), facts(Status.IN_PROGRESS)))


def test_limits() -> None:
    own = {"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 15, "clock": "working"}
    assert workflow.limits_of(Severity.NORMAL, Severity.NORMAL, own) is own
    urgent = workflow.limits_of(Severity.EMERGENCY, Severity.NORMAL, own)
    assert workflow.limit(Stage.REVIEW, urgent) == workflow.Limit(workflow.Clock.CALENDAR, minutes=15)
    assert workflow.limit(Stage.HANDLE, urgent) == workflow.Limit(workflow.Clock.CALENDAR, minutes=120)
    assert workflow.limit(Stage.FEEDBACK, own) == workflow.Limit(workflow.Clock.CALENDAR, days=7)


def test_overdue_needs_a_running_clock() -> None:
    past = NOW - timedelta(minutes=1)
    assert workflow.overdue(Status.DISPATCHED, past, NOW)
    assert not workflow.overdue(Status.SUSPENDED, past, NOW)
    assert not workflow.overdue(Status.AWAITING_FEEDBACK, past, NOW)
    assert not workflow.overdue(Status.CLOSED, None, NOW)
