"""What is done with points, over a short and a long ledger: what members see of them, orders, verifications at the till."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import asyncpg

from app.bench import growth, load, operations
from app.bench.growth import Effort, Growth, Heard
from app.bench.load import Request
from app.bench.operations import API, Callers, Operation
from app.bench.sites import Site
from app.demo import people, plan
from app.demo.generating import members

READERS, ASKED = 16, 400  # so many members read; so many are asked whether they can pay
ORDERS = 40  # of one repetition, each by a member of its own
TILL = plan.stores()[plan.water().stores[0]]
CLERK = people.clerk(TILL)
PLACE, VERIFY = "POST /redemptions", "POST /redemptions/verify"


async def reading(site: Site) -> list[Operation]:
    first, *others = (members.person(number) for number in range(READERS))
    return [
        Operation("GET /points/me", first, ["/points/me"], others),
        Operation("GET /points/me/entries", first, ["/points/me/entries?limit=50"], others),
        Operation("GET /redemptions", first, ["/redemptions?limit=50"], others),
        Operation("GET /messages", first, ["/messages?limit=50"], others),
        Operation("GET /rewards", first, ["/rewards?limit=50"], others),
    ]


async def measure(small: Site, large: Site, effort: Effort, tell: Callable[[str], None]) -> list[Growth]:
    """Reading as the other operations; writing once for each member who can pay, in turns of both sites."""
    found = await growth.measure(small, large, effort, tell, asking=reading)
    heard: defaultdict[tuple[str, str], list[Heard]] = defaultdict(list)
    buyers = {site.name: await _buyers(site, effort.repetitions) for site in (small, large)}
    for turn in range(effort.repetitions):
        for site in (small, large)[:: 1 if turn % 2 else -1]:
            for name, one in (await _orders(site, buyers[site.name][turn], effort)).items():
                heard[site.name, name].append(one)
        tell(f"repetition {turn + 1} of {effort.repetitions} of orders done")
    written = [
        growth.compared(name, growth.middle(heard[small.name, name]), growth.middle(heard[large.name, name]), large.size / small.size, [])
        for name in (PLACE, VERIFY) if effort.only in name
    ]
    return [*found, *written]


async def _buyers(site: Site, repetitions: int) -> list[Sequence[str]]:
    """Members who can pay for a bottle of water, other ones for each repetition. Raises Refused where there are too few."""
    names = [members.person(number) for number in range(min(ASKED, site.members))]
    callers = await operations.sign_in(site, names)
    asked = [load.request(site.url, "GET", f"{API}/points/me", token=callers.tokens[name]) for name in names]
    told = zip(names, map(json.loads, await load.answers(site.url, asked)), strict=True)
    able = [name for name, standing in told if standing["available"] >= plan.water().points]
    if len(able) < repetitions * ORDERS:
        raise load.Refused(f"{site.name}: {len(able)} of {len(names)} members can pay, {repetitions * ORDERS} are needed")
    return [able[start : start + ORDERS] for start in range(0, len(able), ORDERS)]


async def _orders(site: Site, buyers: Sequence[str], effort: Effort) -> dict[str, Heard]:
    """All order, then all fetch."""
    reward, store = await _water(site)
    callers = await operations.sign_in(site, [*buyers, CLERK])
    placing = [_post(callers, name, "/redemptions", {"reward_id": reward, "quantity": 1}, 201) for name in buyers]
    placed = await load.drive(site.url, iter(placing), connections=effort.connections, seconds=effort.seconds * 10)
    codes = await load.answers(site.url, [
        load.request(site.url, "GET", f"{API}/redemptions?status=issued&limit=1", token=callers.tokens[name]) for name in buyers
    ])
    tills = ({"store_id": store, "code": json.loads(body)["items"][0]["code"]} for body in codes)
    used = await load.drive(
        site.url, _verifying(callers, tills), connections=effort.connections, seconds=effort.seconds * 10
    )
    return {PLACE: Heard(placed.at(0.5), 0), VERIFY: Heard(used.at(0.5), 0)}


def _verifying(callers: Callers, tills: Iterator[dict[str, str]]) -> Iterator[Request]:
    return (_post(callers, CLERK, "/redemptions/verify", till, 200) for till in tills)


def _post(callers: Callers, who: str, path: str, body: dict[str, object] | dict[str, str], status: int) -> Request:
    return load.request(callers.url, "POST", API + path, token=callers.tokens[who], body=body, key=uuid.uuid4().hex, status=status)


async def _water(site: Site) -> tuple[str, str]:
    """The reward that everybody can order, and a store that hands it out."""
    connection = await asyncpg.connect(site.database)
    try:
        reward = await connection.fetchval("select id::text from reward where name = $1", plan.water().name)
        return reward, await connection.fetchval("select id::text from store where name = $1", TILL.name)
    finally:
        await connection.close()
