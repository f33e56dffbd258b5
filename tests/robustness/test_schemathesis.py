"""reliability.md S37 on every push: 2,000 of the cases that Schemathesis draws, in process, for a caller of each role.

Half of them are the same each time, half are drawn by a seed that the verdict names. A night sends all (tests/trust/nightly/).
"""

import secrets
from collections.abc import Awaitable, Callable
from random import Random

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from app.auth.roles import Role, ScopeType
from tests.robustness.drawn import Deck, Verdict, request_of
from tests.robustness.lab import Lab

FIXED, CASES = 37, 1_000  # for each of the two seeds
ENDS = {"POST /api/v1/auth/logout", "DELETE /api/v1/auth/sessions/{session_id}", "DELETE /api/v1/members/me"}
Arrive = Callable[[], Awaitable[dict[str, str]]]


def arrivals(lab: Lab) -> dict[str, Arrive]:
    """How somebody of each role comes; what ends a session is called by one who has just come."""
    area = lab.county.root.id

    async def nobody() -> dict[str, str]:
        return {}

    async def rider() -> dict[str, str]:
        return (await lab.people.member()).headers

    async def worker() -> dict[str, str]:
        grants = [(role, ScopeType.AREA, area) for role in (Role.GRID_WORKER, Role.REVIEWER)]
        return (await lab.people.member(grants=grants, stepped_up=True)).headers

    async def admin() -> dict[str, str]:
        return (await lab.people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area)], stepped_up=True)).headers

    async def console() -> dict[str, str]:
        return (await lab.people.console(stepped_up=True)).headers

    return {"nobody": nobody, "rider": rider, "worker": worker, "admin": admin, "console": console}


async def play(client: httpx.AsyncClient, deck: Deck, seed: int, verdict: Verdict, coming: dict[str, Arrive], ids: dict[str, str]) -> None:
    chance, there = Random(seed), {role: await come() for role, come in coming.items()}
    for role, case in deck.hands(list(coming), CASES, seed):
        headers = await coming[role]() if case.operation.label in ENDS else there[role]
        request = request_of(case, headers, ids, chance)
        if request is None:
            continue
        try:
            answer = await client.send(request)
        except Exception as error:
            verdict.faults[type(error).__name__, case.operation.label, 500] = f"seed {seed}: {str(error)[:300]}"
            continue
        verdict.judge(case, answer, signed_in=bool(headers))


@pytest.mark.check("S37")
async def test_what_the_document_promises_holds(lab: Lab, measured: Callable[..., None]) -> None:
    deck, drawn = Deck(lab.document), secrets.randbelow(10**9)
    verdict = Verdict(deck.ground)
    for seed in (FIXED, drawn):
        await play(lab.client, deck, seed, verdict, arrivals(lab), lab.known)
    measured("cases", verdict.sent.total())
    measured("answers", dict(sorted(verdict.sent.items())))
    assert not verdict.faults, f"seeds {FIXED} and {drawn}: {len(verdict.faults)} of {verdict.sent.total()}\n{verdict.told()}"


class Plain(BaseModel):
    amount: int


def plain_app() -> FastAPI:
    """It divides by what it is given, answers with what it never promised, and asks for a token that it does not look at."""
    app = FastAPI()

    @app.post("/things")
    async def add(body: Plain) -> int:
        return 10 // body.amount

    @app.get("/teapots")
    async def teapot() -> int:
        raise HTTPException(418)

    @app.get("/secrets", dependencies=[Security(HTTPBearer(auto_error=False))])
    async def secret() -> int:
        return 42

    return app


@pytest.mark.variant("S37")
async def test_the_judge_refuses_a_plain_stack() -> None:
    app, chance = plain_app(), Random(FIXED)
    deck = Deck(app.openapi())
    verdict = Verdict(deck.ground)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test") as client:
        for case in (case for number in range(len(deck.operations)) for case in deck.cases(number)):
            request = request_of(case, {}, {}, chance)
            if request is not None:
                verdict.judge(case, await client.send(request), signed_in=False)
    assert {
        ("ServerError", "POST /things", 500), ("UndefinedStatusCode", "GET /teapots", 418), ("ignored_auth", "GET /secrets", 200),
    } <= verdict.faults.keys(), verdict.told()
