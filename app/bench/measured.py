"""THE list of operations whose speed is compared, with the ratios that performance.md asks for; and how each is recorded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.bench import beside, operations
from app.bench.load import Request
from app.bench.playing import digest
from app.bench.script import Given, Script, Taken, Unlike, learned, verbatim
from app.bench.stock import Item, World
from app.demo import people

Kind = Literal["read", "write", "chain"]
VARIANTS = 16  # so many requests are asked in turn of what only reads
TRIES = 8  # the first of them still fill caches, and now and then one takes another way


@dataclass(frozen=True, slots=True)
class Measured:
    """`goal`: at least this share of the bare handler's rate. `items` makes so many requests to come; of `few` each takes long."""

    name: str
    slug: str
    goal: float | None
    kind: Kind
    items: Callable[[World, int], Awaitable[list[Item]]]
    few: bool = False


def _of_riders(path: str) -> Callable[[World, int], Awaitable[list[Item]]]:
    async def made(world: World, count: int) -> list[Item]:
        return [Item(who, "GET", path) for who in world.turns(world.riders, count, path)]

    return made


def _places(paths: Sequence[str]) -> Callable[[World, int], Awaitable[list[Item]]]:
    async def made(world: World, count: int) -> list[Item]:
        riders = world.turns(world.riders, count, "places")
        return [Item(who, "GET", paths[number % len(paths)]) for number, who in enumerate(riders)]

    return made


async def _inboxes(world: World, count: int) -> list[Item]:
    return [Item(people.ADMINS[number % len(people.ADMINS)], "GET", "/reports/inbox?limit=50") for number in range(count)]


OPERATIONS = (
    Measured("POST /auth/refresh", "refresh", None, "chain", World.refreshes),
    Measured("GET /members/me", "me", 0.60, "read", _of_riders("/members/me")),
    Measured("POST /reports", "report", 0.50, "write", World.filings),
    Measured("POST /reports/{id}/accept", "accept", 0.50, "write", World.acceptances),
    Measured("GET /reports/inbox (50)", "inbox", 0.60, "read", _inboxes),
    Measured("GET /reports/nearby", "nearby", 0.60, "read", _places(operations.around(500, None))),
    Measured("GET /reports/map", "map", 0.60, "read", _places(operations.boxes(13))),
    Measured("POST /redemptions", "order", 0.50, "write", World.orders),
    Measured("POST /redemptions/verify", "verify", 0.50, "write", World.verifications),
    Measured("GET /points/me", "points", 0.60, "read", _of_riders("/points/me")),
    Measured("GET /points/me/entries", "entries", None, "read", _of_riders("/points/me/entries?limit=50")),
    Measured("POST /uploads (2 MB)", "upload", 0.85, "write", World.huge_photos, few=True),
)


def requests(world: World, url: str, items: Sequence[Item], chosen: Measured) -> list[Request]:
    """As a client sends them; a chain's need no one signed in."""
    return [one.request(url, "" if chosen.kind == "chain" else world.token(one.who)) for one in items]


async def scripts(world: World, recorder: str, chosen: Measured, items: Sequence[Item]) -> list[Script]:
    """One for each item of what only reads; of others one, learned from two of the items. Raises Unlike, Refused."""
    await world.sign_in([] if chosen.kind == "chain" else [one.who for one in items])
    asked = requests(world, recorder, items, chosen)
    if chosen.kind == "read":
        await beside.taken(recorder, asked[:2])
        return [verbatim(one) for one in await beside.taken(recorder, asked)]
    taken = [
        Taken(made, given(world, item, chosen)) for made, item in zip(await beside.taken(recorder, asked), items, strict=True)
    ]
    return [_alike(taken[2:])]


def given(world: World, item: Item, chosen: Measured) -> Given:
    return {"hash": digest(item.body["refresh_token"])} if chosen.kind == "chain" else world.given(item)


def _alike(taken: Sequence[Taken]) -> Script:
    """Of the first two that sent the same statements: the later ones first, for whom every cache is full."""
    reasons = []
    for number in range(len(taken) - 1, 0, -1):
        try:
            return learned(taken[number - 1], taken[number])
        except Unlike as reason:
            reasons.append(str(reason))
    raise Unlike(reasons[0])
