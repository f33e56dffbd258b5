"""S44: whatever changes something, and whatever tells of a person to somebody else, leaves its audit event in the same transaction."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.audit import service as audit_service
from app.audit.models import AuditEvent
from app.db.prepared import Prepared
from tests.access.estate import PARTY, Estate, word
from tests.access.ground import asked, estate, ground
from tests.access.positions import RIDER, SIGNED_IN
from tests.access.requests import Request
from tests.access.table import TABLE
from tests.support.canaries import Canary, in_answer
from tests.support.traces import BESIDE, changed, fingerprint, undone
from tests.trust.plugin import Measure

__all__ = ["asked", "estate", "ground"]
LAST = sa.text("select count(*) from audit_event")
TRIES = 8
# What changes no right, no money, no history and nobody's data but how the caller is told of things, or what only looks.
WITHOUT = {
    "POST /uploads": "a photo is nobody's until it is attached; what it is attached to is audited",
    "POST /messages/{message_id}/read": "the person's own inbox", "POST /messages/read-all": "the person's own inbox",
    "POST /messages/subscriptions": "what WeChat's own dialogue was answered with; WeChat holds it, and tells of each change",
}
FEW = 0.6  # of the commands succeed for somebody on the estate


def callers(request: Request) -> list[str]:
    """Who may, by the table; those of the office first."""
    may = [who for who in sorted(SIGNED_IN) if TABLE[request.name].expected(who)[0] < 300]
    return sorted(may, key=lambda who: ("maker" not in who, "own" not in who, who))[:TRIES]


async def events(estate: Estate) -> int:
    return int((await estate.connection.execute(LAST)).scalar_one())


async def told(estate: Estate, request: Request) -> tuple[str, int, list[str]] | None:
    """Who was let through, how many events that left, and which tables it changed; None where nobody was."""
    for who in callers(request):
        async with undone(estate.connection):
            before, count = await fingerprint(estate.connection), await events(estate)
            answer = await request.send(estate, who)
            if answer.is_success:
                return who, await events(estate) - count, changed(before, await fingerprint(estate.connection))
    return None


@pytest.mark.check("S44", part=True)
async def test_every_change_leaves_an_event(estate: Estate, asked: list[Request], measured: Measure) -> None:
    silent, unheard, good = [], [], 0
    for request in commands(asked):
        found = await told(estate, request)
        if found is None:
            unheard.append(request.name)
            continue
        who, count, tables = found
        good += 1
        if not count and set(tables) - BESIDE and request.name not in WITHOUT:
            silent.append(f"{request.name} by {who} changed {sorted(set(tables) - BESIDE)} and left no event")
    measured("commands that were let through", good)
    measured("commands that nobody could give here", len(unheard))
    measured("changes without an event", len(silent))
    assert silent == [], "\n".join(silent)
    assert good >= FEW * (good + len(unheard)), unheard


def commands(asked: list[Request]) -> Iterator[Request]:
    return (request for request in asked if request.method != "GET")


def person(estate: Estate) -> list[Canary]:
    return [
        Canary("name", word("name")), Canary("home branch", word("party")), Canary("joined on", PARTY["joined_on"]),
        Canary("phone", str(estate["rider@own"].phone)),
    ]


@pytest.mark.check("S44", part=True)
async def test_whoever_reads_of_a_person_is_written_down(estate: Estate, asked: list[Request], measured: Measure) -> None:
    silent, heard = [], 0
    for request in asked:
        if request.method != "GET":
            continue
        for who in callers(request):
            if who in RIDER:
                continue
            async with undone(estate.connection):
                count = await events(estate)
                answer = await request.send(estate, who)
                shown = of_a_person(answer, estate)
                heard += bool(shown)
                if shown and await events(estate) == count:
                    silent.append(f"{request.name} tells {who} {shown} and leaves no event")
    measured("readings of a person by somebody else", heard)
    measured("readings without an event", len(silent))
    assert heard > 5 and silent == [], "\n".join(silent)


def of_a_person(answer: httpx.Response, estate: Estate) -> list[str]:
    return in_answer(answer, person(estate)) if answer.is_success else []


@pytest.mark.check("S44", part=True)
async def test_what_cannot_be_written_down_does_not_happen(
    estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch, measured: Measure
) -> None:
    """Each event is made one that the database refuses: the act that it tells of is refused with it."""
    audited = [(request, found[0]) for request in commands(asked) if (found := await told(estate, request)) is not None and found[1]]
    spoil(monkeypatch)
    done = []
    for request, who in audited:
        async with undone(estate.connection):
            before = await fingerprint(estate.connection)
            try:
                answer = await request.send(estate, who)
            except Exception:
                answer = None  # In this process what breaks a request reaches its caller.
            left = set(changed(before, await fingerprint(estate.connection))) - BESIDE
            if left or (answer is not None and answer.is_success):
                done.append(f"{request.name} by {who}: {answer and answer.status_code}, changed {sorted(left)}")
    measured("acts whose event was refused", len(audited))
    measured("that happened all the same", len(done))
    assert done == [], "\n".join(done)


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever writes one does so by this statement."""
    told = {name: sa.bindparam(name) for name in audit_service.WRITTEN} | {"outcome": sa.literal_column("'unheard'")}
    monkeypatch.setattr(audit_service, "WRITE", Prepared(sa.insert(AuditEvent).values(told)))


@pytest.mark.variant("S44")
async def test_a_forgotten_event_is_missed(estate: Estate, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault put back: nothing is written down."""
    def forget(*_args: Any, **_told: Any) -> None:
        return None

    monkeypatch.setattr(audit_service, "record", forget)
    found = [await told(estate, one) for one in commands(asked) if one.name in ("POST /complaints", "POST /points/adjustments")]
    assert found and all(one is not None and one[1] == 0 and set(one[2]) - BESIDE for one in found)
