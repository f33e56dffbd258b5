"""For each state, command and role the API answers what the published table says; a step that it does not allow leaves no trace.

What is expected is derived from the answer of `GET /reports/workflow` alone. A state is led to once; a step is taken back by a savepoint.
Who sees a report tries a third of the commands in each state, the next one another third; who sees none a sixth of them: somebody tries
every command in every state. At night everybody tries all in each (tests/trust/nightly/test_s22_workflow.py).
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.reports import workflow
from app.reports.words import ActorRole, Status
from app.reports.workflow import Command
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.people import People, Person
from tests.support.traces import changed, fingerprint, undone

LATER = (clock.now() + timedelta(days=3)).isoformat()
# Needs that every report here meets in the states in which they matter; an open request has cases of its own.
USUAL = frozenset({"target_not_dispatched", "reopening_left", "level_above", "pending_look"})
HANDLED = ("dispatched", "in_progress", "suspended", "resolved", "awaiting_feedback", "disputed", "closed")
VERIFIED = ("awaiting_feedback", "disputed", "closed", "reopened")


@dataclass(frozen=True)
class Player:
    """Somebody, what they are to every report here, and whether they see it. Who is assigned stands in the case."""

    name: str
    person: Person | None
    part: str | None = None
    sees: bool = True


@dataclass(frozen=True)
class Case:
    """One report in one state: whose work it is, what the players have done on it, which needs it meets."""

    name: str
    report_id: str
    state: str
    assignee: str | None = None
    deeds: dict[str, set[str]] = field(default_factory=dict)
    has: frozenset[str] = USUAL


@dataclass
class Play:
    scene: Scene
    connection: AsyncConnection
    cast: dict[str, Player]
    rules: dict[str, dict[str, Any]]
    other_report: str
    photos: dict[str, str]  # of each, to be attached
    shares: int = 6  # who does not see the report tries every so-maniest command
    seen_shares: int = 3  # and who does

    def expected(self, case: Case, player: Player, command: str) -> tuple[int, str]:
        """Status and code by the published table, in the contract's order of checks: 401, 404, 403, 409."""
        rule = self.rules[command]
        parts = {player.part, "assignee" if case.assignee == player.name else None}
        mine = [by for by in rule["by"] if by["role"] in parts]
        if player.person is None:
            return 401, "unauthenticated"
        if not player.sees:
            return 404, "not_found"
        if not mine or case.deeds.get(player.name, set()) & set(rule["never"]):
            return 403, "forbidden"
        now = [by["role"] for by in mine if case.state in by["from"]]
        if not now or (rule["needs"] and rule["needs"] not in case.has):
            return 409, "invalid_transition"
        asks = set(now) & set(rule["asks"]) and "open_request" in case.has
        return (409, "already_exists") if asks else (200, "")

    async def send(self, case: Case, player: Player, command: str) -> httpx.Response:
        method, path = self.rules[command]["call"].split(" ")
        headers = player.person.headers if player.person else {}
        body = self.body(player, command)
        return await self.scene.client.request(method, f"/api/v1{path.format(report_id=case.report_id)}", json=body, headers=headers)

    def body(self, player: Player, command: str) -> dict[str, Any]:
        photo = self.photos.get(player.name, self.other_report)  # who is nobody has none
        bodies: dict[str, dict[str, Any]] = {
            "reject": {"reason_code": "abuse", "note": "x"}, "merge": {"into_id": self.other_report}, "unmerge": {"reason": "x"},
            "dispatch": {"assignee_account_id": str(self.scene.worker.id)}, "send-back": {"reason": "x"}, "suspend": {"reason": "x"},
            "extend": {"until": LATER, "reason": "x"}, "decide-request": {"approve": True, "note": "x"},
            "resolve": {"note": "x", "upload_ids": [photo]}, "verify": {"passed": True, "note": "x"}, "feedback": {"satisfied": False},
            "decide": {"rework": True, "note": "x"}, "reopen": {"reason": "x"}, "amend": {"description": "x"}, "escalate": {"reason": "x"},
            "transfer": {"area_id": str(self.scene.county.other_community.id), "reason": "x"},
            "second-look": {"passed": False, "note": "x"},
        }
        return bodies.get(command, {})

    async def wrong(self, cases: Sequence[Case], names: Iterable[str], *, seen_shares: int = 1) -> list[str]:
        """Every cell in which the API and the table differ, and every table in which refused steps left something behind."""
        found: list[str] = []
        before = await fingerprint(self.connection)
        for turn, case in enumerate(cases):
            for (seat, name), (number, command) in itertools.product(enumerate(names), enumerate(self.rules)):
                if (turn + seat + number) % (seen_shares if self.cast[name].sees else self.shares):
                    continue
                told = await self._cell(case, self.cast[name], command)
                found += [f"{case.name}, {name}: {command} {told}"] if told else []
            after = await fingerprint(self.connection)
            found += [f"{case.name}: refused steps changed {table}" for table in changed(before, after)]
            before = after
        return found

    async def _cell(self, case: Case, player: Player, command: str) -> str | None:
        """What is wrong with one cell. Only what the table allows is taken back: what it refuses must have done nothing."""
        status, code = self.expected(case, player, command)
        if status == 200:
            async with undone(self.connection):
                answer = await self.send(case, player, command)
        else:
            answer = await self.send(case, player, command)
        told = answer.json()
        if (answer.status_code, told.get("code", "")) != (status, code):
            return f"→ {answer.status_code} {told.get('code', '')}, the table says {status} {code}"
        if status == 200 and told["status"] not in {*self.rules[command]["to"], case.state}:
            return f"leads to {told['status']}"
        return f"is told {told}" if code == "invalid_transition" and told["current_status"] != case.state else None


@pytest.fixture
async def play(client: httpx.AsyncClient, session: AsyncSession, connection: AsyncConnection, county: County, people: People) -> Play:
    here = on(Role.REVIEWER, county.community.id)
    reporter, reviewer = await people.member(), await people.member(grants=[here])
    worker = await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)])
    both = await people.member(grants=[here, on(Role.GRID_WORKER, county.grid.id)])
    scene = Scene(client, session, county, people, reporter, reviewer, worker)
    players = [
        Player("reporter", reporter, "reporter"), Player("joined reporter", await people.member(), "joined_reporter"),
        Player("reviewer", reviewer, "reviewer"), Player("reviewer on the grid", both, "reviewer"),
        Player("third reviewer", await people.member(grants=[here]), "reviewer"), Player("grid worker", worker),
        Player("other grid worker", await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)])),
        Player("area admin", await people.member(grants=[on(Role.AREA_ADMIN, county.root.id)])),
        Player("auditor", await people.member(grants=[on(Role.AUDITOR, county.root.id)]), sees=False),
        Player("reviewer elsewhere", await people.member(grants=[on(Role.REVIEWER, county.other_community.id)]), sees=False),
        Player("other member", await people.member(), sees=False), Player("nobody", None, sees=False),
    ]
    await scene.draws(100)
    rules = {rule["command"]: rule for rule in (await scene.get(reporter, "/workflow"))["commands"]}
    photos = {one.name: await scene.photo(one.person) for one in players if one.person is not None}
    return Play(scene, connection, {one.name: one for one in players}, rules, (await scene.file())["id"], photos)


async def special(play: Play) -> list[Case]:
    """The work of somebody who reviews too, and work with an open request."""
    made = [await led(play, state, "reviewer on the grid") for state in (Status.IN_PROGRESS, Status.RESOLVED, Status.AWAITING_FEEDBACK)]
    for who in ("grid worker", "reviewer on the grid"):
        case = await led(play, Status.IN_PROGRESS, who)
        asker = play.cast[who].person
        assert asker is not None
        await play.scene.give(asker, case.report_id, "extend", {"until": LATER, "reason": "雨"})
        made.append(replace(case, name=f"{case.name}, a request open", has=USUAL | {"open_request"}, deeds={who: {"asker"}}))
    return made


async def led(play: Play, state: Status, worker: str) -> Case:
    scene, who, joiner = play.scene, play.cast[worker].person, play.cast["joined reporter"].person
    assert who is not None and joiner is not None
    report_id: str = (await scene.file())["id"]
    await scene.give(joiner, report_id, "join")
    reason = {"reason": "施工"}
    roads: dict[Status, tuple[str, list[tuple[Person, str, dict[str, Any]]]]] = {
        Status.WITHDRAWN: ("submitted", [(scene.reporter, "withdraw", {})]),
        Status.REJECTED: ("submitted", [(scene.reviewer, "reject", {"reason_code": "abuse", "note": "x"})]),
        Status.MERGED: ("submitted", [(scene.reviewer, "merge", {"into_id": play.other_report})]),
        Status.SUSPENDED: ("in_progress", [(scene.reviewer, "suspend", reason)]),
        Status.DISPUTED: ("awaiting_feedback", [(scene.reporter, "feedback", {"satisfied": False})]),
        Status.REOPENED: ("closed", [(scene.reporter, "reopen", reason)]),
    }
    straight, turns = roads.get(state, (state.value, []))
    await scene.lead(report_id, straight, worker=who)
    for person, command, body in turns:
        await scene.give(person, report_id, command, body)
    deeds = {"reviewer": {"verifier"}} if state in VERIFIED else {}
    if state in HANDLED and HANDLED.index(state) >= HANDLED.index("resolved"):
        deeds[worker] = {"resolver"}
    return Case(f"{state.value} by {worker}", report_id, state.value, worker if state in HANDLED else None, deeds)


@pytest.mark.check("S20", part=True)
async def test_every_cell_is_as_published(play: Play) -> None:
    await is_as_published(play)


async def is_as_published(play: Play) -> None:
    assert set(play.rules) == set(Command)
    wrong = await play.wrong([await led(play, state, "grid worker") for state in Status], play.cast, seen_shares=play.seen_shares)
    wrong += await play.wrong(await special(play), ("grid worker", "reviewer on the grid", "reviewer", "third reviewer"))
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong[:60])


LOOSER = {
    "another state": (Command.START, {ActorRole.ASSIGNEE: frozenset({Status.DISPATCHED, Status.IN_PROGRESS})}, {}),
    "another part": (Command.RESOLVE, {one: frozenset({Status.IN_PROGRESS}) for one in (ActorRole.ASSIGNEE, ActorRole.REVIEWER)}, {}),
    "one's own work": (Command.VERIFY, None, {"never": frozenset()}),
}


async def test_a_loosened_rule_is_found(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variants: a service that allows more than the table says."""
    published = workflow.TABLE
    for loose, (command, by, more) in LOOSER.items():
        cases = [await led(play, state, "reviewer on the grid") for state in (Status.IN_PROGRESS, Status.RESOLVED)]
        monkeypatch.setattr(workflow, "TABLE", published | {command: replace(published[command], by=by or published[command].by, **more)})
        wrong = await play.wrong(cases, ("reviewer", "reviewer on the grid"))
        monkeypatch.setattr(workflow, "TABLE", published)
        assert any(f": {command.value} →" in one for one in wrong), (loose, wrong)
        left = any("changed public.report_event" in one for one in wrong)
        assert left is (command is not Command.VERIFY), "what it did is seen too; a verdict on one's own work the database itself refuses"


@pytest.mark.parametrize("done", [
    "update report set version = version + 1", "delete from message", "delete from jobs.pgqueuer",
])
async def test_a_trace_is_found(play: Play, done: str) -> None:
    await play.scene.give(play.scene.reviewer, play.other_report, "accept")
    before = await fingerprint(play.connection)
    async with undone(play.connection):
        await play.connection.execute(sa.text(done))
        assert changed(before, await fingerprint(play.connection))
    assert changed(before, await fingerprint(play.connection)) == []
