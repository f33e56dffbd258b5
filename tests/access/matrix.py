"""The walk over operations and people: each answer is held against the table, each refused write against the rows, all against canaries.

What the table lets through is taken back by a savepoint; what it refuses must have done nothing, so nothing takes it back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.errors import catalogue
from tests.access.estate import Estate, word
from tests.access.positions import (
    ABOVE,
    ADMINS,
    AWARD,
    BOOKS,
    CLERK,
    COUNTY,
    GRID_ADMINS,
    GROUP,
    OWNER,
    PROPOSAL,
    QUEUE,
    REPORT,
    REVIEWERS,
    RIDER,
    SECRETARY,
    STOP,
    Rule,
    Who,
)
from tests.access.requests import Request
from tests.access.table import TABLE
from tests.support.canaries import Canary, in_answer
from tests.support.traces import changed, fingerprint, undone

BATCH = 120  # denied writes between two looks at all rows
# Whose words they are, and who may read them. What a rider wrote stands in the rider's own export.
SIGHT: dict[str, Who] = {
    "report": REPORT.seen_by, "name": GRID_ADMINS | REVIEWERS | RIDER | SECRETARY, "party": RIDER | SECRETARY, "roster": SECRETARY,
    "adjustment": PROPOSAL.seen_by | RIDER, "clawback": PROPOSAL.seen_by | RIDER, "award": AWARD.seen_by | RIDER,
    "objection": COUNTY | RIDER, "shortlist": ABOVE | RIDER, "correction": ADMINS, "application": ADMINS | RIDER,
    "checkin": REVIEWERS | RIDER, "complaint": GRID_ADMINS | RIDER, "message": RIDER, "contract": ADMINS | OWNER, "notice": ADMINS,
    "group": GROUP.seen_by,
}
# Ids that lead to a person or to money: nobody else is told that there is such a thing.
IDS: dict[str, Who] = {
    "registration_id": RIDER | SECRETARY, "complaint_id": GRID_ADMINS | RIDER, "message_id": RIDER, "session_id": RIDER,
    "relation_id": RIDER, "application_id": ADMINS | RIDER, "redemption_id": RIDER | BOOKS.seen_by, "live_order": RIDER | OWNER | CLERK,
    "contract_id": ADMINS | OWNER, "correction_id": ADMINS, "objection_id": COUNTY | RIDER, "checkin_id": QUEUE.seen_by | RIDER,
    "adjustment": PROPOSAL.seen_by | RIDER, "clawback": PROPOSAL.seen_by | RIDER, "award_id": AWARD.seen_by | RIDER,
    "confirmation_id": REVIEWERS | RIDER, "stop_id": STOP.seen_by | RIDER, "line_id": SECRETARY, "staff_grant": ADMINS | OWNER,
    "item_id": QUEUE.seen_by,
}
# That somebody is a Party member is said by these words of the schema too.
PARTY_WORDS = ("full_member", "political_status", "home_branch", "away_since")
OWN_FORM = ("POST /registrations", "GET /registrations/mine")  # shows callers what they have declared themselves
COUNTED = {"POST /auth/password"}  # wrong ones are counted for the name, whoever asks: each is taken back
SHOWN_BY_JOINING = "POST /reports/{report_id}/join"  # who joins an accepted report reads it from then on


@dataclass
class Walk:
    """What went wrong, and what was looked at."""

    estate: Estate
    table: dict[str, Rule] = field(default_factory=lambda: TABLE)
    cells: int = 0
    denied_writes: int = 0
    hashes: int = 0
    wrong: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    heard: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def over(self, cells: Iterable[tuple[Request, str]]) -> "Walk":
        before, batch = await self.look(), list[tuple[Request, str]]()
        for request, who in cells:
            status, _ = self.table[request.name].expected(who)
            if status < 300 or request.method == "GET" or request.name in COUNTED:
                async with undone(self.estate.connection):
                    await self.cell(request, who)
                continue
            await self.cell(request, who)
            batch.append((request, who))
            if len(batch) == BATCH:
                before, batch = await self.untouched(before, batch), []
        await self.untouched(before, batch)
        return self

    async def look(self) -> dict[str, str]:
        self.hashes += 1
        return await fingerprint(self.estate.connection)

    async def untouched(self, before: dict[str, str], batch: Sequence[tuple[Request, str]]) -> dict[str, str]:
        """The rows as they are now; each of the batch is tried again alone when they are not what they were."""
        self.denied_writes += len(batch)
        after = await self.look()
        if changed(before, after):
            found = [f"{request.name} by {who} changed {tables}" for request, who in batch if (tables := await self.alone(request, who))]
            self.traces += found or [f"one of {len(batch)} refused writes changed {changed(before, after)}"]
        return after

    async def alone(self, request: Request, who: str) -> list[str]:
        async with undone(self.estate.connection):
            before = await self.look()
            await request.send(self.estate, who)
            return changed(before, await self.look())

    async def cell(self, request: Request, who: str) -> None:
        self.cells += 1
        answer = await request.send(self.estate, who)
        expected, code = self.table[request.name].expected(who)
        told = code_of(answer)
        heard = 200 if answer.is_success else answer.status_code
        self.heard.setdefault(request.name, {})[who] = (heard, told)
        if heard != expected or (code and told != code) or (heard >= 400 and not told and not answer.url.path.startswith("/p/")):
            self.wrong.append(f"{request.name} by {who}: {answer.status_code} {told}, the table says {expected} {code}")
        if request.name != SHOWN_BY_JOINING:
            self.leaks += [f"{request.name} tells {who} {leak}" for leak in in_answer(answer, self.hidden(request, who))]

    def hidden(self, request: Request, who: str) -> list[Canary]:
        """What this caller must not learn from this answer; what the caller says cannot be learnt."""
        said = f"{request.call.path} {request.call.body}"
        words = [Canary(kind, word(kind)) for kind, seen_by in SIGHT.items() if who not in seen_by]
        ids = [Canary(name, self.estate.ids[name]) for name, seen_by in IDS.items() if who not in seen_by]
        if not request.name.endswith("/reveal") and request.name != "GET /members/me/export":
            ids.append(Canary("phone", str(self.estate["rider@own"].phone)))  # masked for everybody, its owner too
        if who not in RIDER | SECRETARY and request.name not in OWN_FORM:
            words += [Canary(term, term) for term in PARTY_WORDS]
        return words + [canary for canary in ids if canary.value not in said]


def code_of(answer: httpx.Response) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return ""
    code = str(answer.json()["code"])
    assert code in CODES, code
    return code


CODES = {error.code for error in catalogue()}


def whole(estate: Estate, requests: Sequence[Request]) -> list[tuple[Request, str]]:
    return [(request, who) for request in requests for who in estate.cast]


def cut(estate: Estate, requests: Sequence[Request]) -> list[tuple[Request, str]]:
    """Each operation refused to one person: in turn to one who sees the thing and to one who does not, until everybody had a turn.

    What is let through, every other test of the suite tries.
    """
    found, names, first = [], sorted(estate.cast), {request.name: request for request in reversed(requests)}
    for number, (name, request) in enumerate(sorted(first.items())):
        rule, start = TABLE[name], number * 5 % len(names)
        refused = [who for who in names[start:] + names[:start] if who not in rule.may]
        sees = [who for who in refused if rule.expected(who)[0] == 403]
        found += [(request, who) for who in ((sees if number % 2 else None) or refused)[:1]]
    return found
