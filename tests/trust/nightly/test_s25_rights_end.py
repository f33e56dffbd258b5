"""S25: while both replicas are busy, a right that was taken away is gone on both of them, by the token that had it a moment ago."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.newcomer import API, Caller, World, county_of
from tests.trust.plugin import Measure
from tests.trust.rig.replicas import Site, two_replicas

GOAL_SECONDS, RATE, ROUNDS = 1.0, 50, 12
LOAD_SECONDS = 300.0  # the most that it may take


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with two_replicas() as running:
        yield running


@dataclass
class Load:
    """So many reads a second, in turn at both replicas; every answer counts."""

    urls: list[str]
    caller: Caller
    answers: list[int] = field(default_factory=list)

    async def run(self, http: httpx.AsyncClient) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, url in enumerate(itertools.cycle(self.urls)):
                if time.monotonic() - began > LOAD_SECONDS:
                    return
                group.create_task(self.one(http, url))
                await asyncio.sleep(max(0.0, began + (number + 1) / RATE - time.monotonic()))

    async def one(self, http: httpx.AsyncClient, url: str) -> None:
        answer = await http.get(f"{url}{API}/rewards", headers=self.caller.headers)
        self.answers.append(answer.status_code)


@asynccontextmanager
async def under_load(site: Site, caller: Caller) -> AsyncIterator[Load]:
    load = Load(site.urls, caller)
    async with httpx.AsyncClient(timeout=30) as http:
        task = asyncio.create_task(load.run(http))
        try:
            yield load
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def gone(site: Site, http: httpx.AsyncClient, who: Caller, path: str, deed: Callable[[], Awaitable[object]]) -> float:
    """Does it; the seconds from its answer to the last question that was still answered with a yes, 0 when the very first is refused.

    How long an answer takes on a busy machine is not what is asked here.
    """
    for url in site.urls:
        before = await http.get(f"{url}{API}{path}", headers=who.headers)
        assert before.status_code == 200, f"{path}: {before.status_code} {before.text}"
    await deed()
    began, last = time.monotonic(), 0.0
    for url in site.urls:
        sent = time.monotonic() - began
        while (after := await http.get(f"{url}{API}{path}", headers=who.headers)).status_code not in (401, 403, 404):
            assert sent < 10, f"{path} is still {after.status_code}"
            last, sent = max(last, sent), time.monotonic() - began
    return last


async def rounds(site: Site, world: World, http: httpx.AsyncClient) -> dict[str, list[float]]:
    """Each way in which a right ends, several times."""
    found: dict[str, list[float]] = {"grant revoked": [], "clerk dismissed": [], "session ended": []}
    report = (await (await world.rider()).files())["id"]
    for _ in range(ROUNDS):
        reviewer = await world.staff(world.admin, "reviewer", "area", world.areas["community"])
        grants = await world.admin.sees("/auth/grants", scope_type="area", scope_id=world.areas["community"])
        grant = next(one["id"] for one in grants["items"] if one["account_id"] == reviewer.id)
        found["grant revoked"].append(
            await gone(site, http, reviewer, f"/reports/{report}", lambda grant=grant: world.admin.send("DELETE", f"/auth/grants/{grant}"))
        )
        person = await world.person()
        body = {"phone": person.phone, "role": "store_clerk"}
        staff = await world.owner.does("POST", f"/stores/{world.store_id}/staff", body)
        path = f"/stores/{world.store_id}/staff/{staff['id']}"
        found["clerk dismissed"].append(
            await gone(site, http, person, f"/stores/{world.store_id}/verifications", lambda path=path: world.owner.send("DELETE", path))
        )
        found["session ended"].append(await gone(site, http, person, "/members/me", lambda person=person: person.post("/auth/logout")))
    return found


@pytest.mark.check("S25")
async def test_rights_end_at_once_on_both_replicas(site: Site, measured: Measure) -> None:
    async with (
        county_of(site.first) as world, under_load(site, await world.rider()) as load, httpx.AsyncClient(timeout=30) as http,
    ):
        found = await rounds(site, world, http)
    for name, seconds in found.items():
        measured(f"yes after {name}", round(max(seconds), 3), "s")
    measured("reads beside", len(load.answers))
    assert set(load.answers) == {200} and len(load.answers) > 100
    assert max(max(seconds) for seconds in found.values()) <= GOAL_SECONDS
