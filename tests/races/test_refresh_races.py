"""reliability.md S29 over both workers: one line of successors, whatever is done at once; any other reuse ends the family everywhere."""

import asyncio
import time
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.races.judges import one_line
from tests.support.newcomer import API, Caller, World, sign_in
from tests.support.volley import Answer, shot, volley
from tests.trust.plugin import Measure

USES, CONTENDERS = 100, 12
GOAL_SECONDS = 1.0


async def uses(world: World, token: str, count: int) -> list[Answer]:
    return await volley(world.service, [shot(None, "/auth/refresh", {"refresh_token": token})] * count)


async def use(world: World, token: str) -> tuple[int, str]:
    answer = await world.http.post(f"{API}/auth/refresh", json={"refresh_token": token})
    return answer.status_code, str(answer.json().get("code"))


async def events(world: World, account_id: str) -> int:
    connection = await asyncpg.connect(world.service.database_url)
    try:
        said = "select count(*) from audit_event where action = 'auth.refresh_reuse' and outcome = 'denied' and actor_id = $1"
        return int(await connection.fetchval(said, UUID(account_id)))
    finally:
        await connection.close()


@pytest.mark.check("S29")
async def test_one_line_of_successors_and_any_other_reuse_ends_it_everywhere(world: World, measured: Measure) -> None:
    """A hundred at once; again inside the grace; then the child is used, and the parent comes back to both workers at once."""
    root = await sign_in(world.service, world.http, f"并发-{uuid4().hex[:6]}")
    answers = await uses(world, root["refresh_token"], USES)
    assert {answer.status for answer in answers} == {200}
    children = [answer.json["refresh_token"] for answer in answers]
    one_line(children)
    one_line(children + [answer.json["refresh_token"] for answer in await uses(world, root["refresh_token"], CONTENDERS)])
    (living, *_) = await uses(world, children[0], CONTENDERS)
    caller = Caller(world.http, "", tokens=living.json)
    assert (await caller.send("GET", "/auth/sessions")).status_code == 200 and await events(world, root["account"]["id"]) == 0
    again = await uses(world, root["refresh_token"], CONTENDERS)
    assert {(answer.status, answer.outcome) for answer in again} == {(401, "refresh_token_reused")}
    ended, last = time.monotonic(), 0.0
    for access in (root, living.json, *(answer.json for answer in answers[:4])):
        while (await Caller(world.http, "", tokens=access).send("GET", "/auth/sessions")).status_code != 401:
            last = time.monotonic() - ended
            assert last <= GOAL_SECONDS
    assert await use(world, living.json["refresh_token"]) == (401, "refresh_token_reused"), "the newest is dead too, and told why"
    assert await events(world, root["account"]["id"]) == 1, "one event, however many came"
    measured("uses at once", USES)
    measured("alive after a reuse", last, "s")


@pytest.mark.check("S29")
async def test_logging_out_wins_over_what_is_refreshed_at_the_same_moment(world: World) -> None:
    """Whatever pair a refresh beside the logout has given: neither of it is good afterwards, inside the grace."""
    root = await sign_in(world.service, world.http, f"退出-{uuid4().hex[:6]}")
    caller = Caller(world.http, "", tokens=root)
    shots = [shot(None, "/auth/refresh", {"refresh_token": root["refresh_token"]})] * CONTENDERS
    answers = await volley(world.service, [*shots, shot(caller, "/auth/logout", {})])
    assert answers[-1].status == 204 and {answer.status for answer in answers[:-1]} <= {200, 401}
    pairs = [root, *(answer.json for answer in answers if answer.status == 200)]
    access = await asyncio.gather(*(Caller(world.http, "", tokens=pair).send("GET", "/auth/sessions") for pair in pairs))
    assert {answer.status_code for answer in access} == {401}
    for token in {pair["refresh_token"] for pair in pairs}:
        assert await use(world, token) == (401, "unauthenticated")
    assert await events(world, root["account"]["id"]) == 0, "a client that was late is no thief"
