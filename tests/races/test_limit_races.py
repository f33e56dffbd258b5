"""reliability.md S36 over both workers: a limit of 60, four connections, whoever they say they are; and a counter that cannot be reached.

The limit is that of the public check of proofs, 60 wrong codes from one address in ten minutes. It has no burst.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.proofs.workflow import GUESSES, WINDOW_S
from app.security import typed_codes
from tests.races.lock_log import LockLog
from tests.races.naive import scratch
from tests.support.newcomer import API, World
from tests.support.service import PASSWORD, Service
from tests.trust.plugin import Measure

CONNECTIONS, EACH, MOST_LINES = 4, 25, 40


@asynccontextmanager
async def database(service: Service) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service.database_url)
    try:
        yield connection
    finally:
        await connection.close()


def spoofed(number: int) -> dict[str, str]:
    """Another address in every request, in every way of saying so."""
    address = f"203.0.113.{number % 250}"
    return {"X-Forwarded-For": f"{address}, 10.0.0.1", "Forwarded": f"for={address}", "X-Real-IP": address, "Client-IP": address}


async def lines_to_both(service: Service, stack: AsyncExitStack) -> list[httpx.AsyncClient]:
    """Four connections that both workers hold."""
    held: defaultdict[int, list[httpx.AsyncClient]] = defaultdict(list)
    for _ in range(MOST_LINES):
        one = httpx.Limits(max_connections=1, keepalive_expiry=60)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=service.url, timeout=30, limits=one))
        answer = await http.get("/health/live")
        port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
        held[service.holders([port])[port]].append(http)
        if len(held) > 1 and sum(map(len, held.values())) >= CONNECTIONS:
            break
    assert len(held) > 1, "all connections went to one worker"
    first = [own.pop() for own in held.values()]
    return (first + [http for own in held.values() for http in own])[:CONNECTIONS]


def within(heard: list[int], limit: int) -> None:
    """Judge: as many were answered as the limit allows, and the others must wait."""
    assert Counter(heard) == Counter({404: limit, 429: len(heard) - limit}), Counter(heard)


@pytest.mark.check("S36")
async def test_sixty_over_four_connections_whoever_they_say_they_are(world: World, measured: Measure) -> None:
    async with database(world.service) as connection:
        await connection.execute("delete from throttle_hit where key like 'proof.check%'")
        answers: list[httpx.Response] = []

        async def ask(http: httpx.AsyncClient, number: int) -> None:
            for turn in range(EACH):
                path = f"{API}/reports/proofs/{typed_codes.draw()}"
                answers.append(await http.get(path, headers=spoofed(number * EACH + turn)))

        async with AsyncExitStack() as stack:
            lines = await lines_to_both(world.service, stack)
            await asyncio.gather(*(ask(http, number) for number, http in enumerate(lines)))
        within([answer.status_code for answer in answers], GUESSES)
        waits = {int(answer.headers["retry-after"]) for answer in answers if answer.status_code == 429}
        assert waits and all(0 < wait <= WINDOW_S for wait in waits)
        measured("accepted of 100", GUESSES)
        await connection.execute("delete from throttle_hit where key like 'proof.check%'")


@pytest.mark.variant("S36")
async def test_naive_limit_counts_what_it_has_read(service: Service) -> None:
    """Each reads how many there were, and then adds its own."""
    async with scratch(service.database_url, "hit int", "0") as table:
        heard = await table.race(
            "select count(*) from {table} where hit = 1", may=lambda seen: seen < 2, writes=["insert into {table} values (1)"], loser="wait"
        )
    with pytest.raises(AssertionError):
        within([404 if one == "ok" else 429 for one in heard], 2)


@pytest.mark.check("S36")
async def test_without_the_counters_sign_in_and_verification_are_closed_and_browsing_is_open(
    world: World, lock_log: LockLog, measured: Measure
) -> None:
    """Somebody holds both tables of counters: nobody can count, so nobody may guess. Whoever only looks does not notice."""
    clerk, rider = world.clerks[0], await world.rider()
    till = {"store_id": world.store_id, "code": typed_codes.draw()}
    sign_in = {"username": "chief", "password": PASSWORD}
    async with database(world.service) as connection, connection.transaction():
        await connection.execute("lock table throttle_hit, verification_guess in access exclusive mode")
        closed = await asyncio.gather(
            world.http.post(f"{API}/auth/password", json=sign_in), clerk.post("/redemptions/verify", till),
            world.http.get(f"{API}/reports/proofs/{typed_codes.draw()}"),
        )
        paths = ("/rewards", "/points/me", "/redemptions", "/members/me", f"/stores/{world.store_id}")
        opened = await asyncio.gather(*(rider.send("GET", path) for path in paths))
    assert [(answer.status_code, answer.json()["code"]) for answer in closed] == [(503, "busy")] * len(closed)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in closed)
    assert {answer.status_code for answer in opened} == {200}
    measured("closed", len(closed))
    again = await world.http.post(f"{API}/auth/password", json=sign_in)
    assert again.status_code == 200 and (await clerk.post("/redemptions/verify", till, key=uuid4().hex)).status_code == 404
    async with database(world.service) as connection:
        await connection.execute("delete from verification_guess where store_id = $1", UUID(world.store_id))
    lock_log.begin()  # these waits were meant
