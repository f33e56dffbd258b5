"""THE list of operations that are measured: who calls what. A new one is a line here."""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

import asyncpg

from app import clock
from app.bench import load
from app.bench.load import Request
from app.bench.sites import Site
from app.demo import people, plan
from app.demo.generating import members

API = "/api/v1"
PLACES, REPORTS = 16, 64  # so many different ones are asked for in turn
NEAREST = 20  # within 3 km there are as many in ten thousand reports as in a million, so the search is compared and not the answer
RADIUSES = {500: None, 3_000: NEAREST}  # metres, and how many at most: none named is the route's own limit
COMMON, RARE = "垃圾", "白猫"
# Half of what a box of that zoom is wide and high on a phone.
ZOOMS = {10: (0.12, 0.09), 13: (0.03, 0.02), 16: (0.005, 0.004)}
SPREAD = """
select (select id::text from report where created_at >= at order by created_at limit 1) as id
  from generate_series(now() - interval '360 days', now() - interval '10 days', interval '350 days' / $1::int) as at"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the table: paths that are asked for in turn by one person, or by several."""

    name: str
    who: str
    paths: Sequence[str]
    others: Sequence[str] = ()

    @property
    def people(self) -> list[str]:
        return [self.who, *self.others]


@dataclass(frozen=True, slots=True)
class Callers:
    """Tokens by person, fresh."""

    url: str
    tokens: Mapping[str, str]

    def requests(self, operation: Operation) -> list[Request]:
        return [load.request(self.url, "GET", API + path, token=self.tokens[who]) for path in operation.paths for who in operation.people]

    def cycle(self, operation: Operation) -> Iterator[Request]:
        return itertools.cycle(self.requests(operation))


COMMUNITY = plan.of_level("community")[0]
HEAD, REVIEWER, MEMBER = people.ADMINS[0], people.reviewer(COMMUNITY), members.person(0)
PEOPLE = (HEAD, REVIEWER, MEMBER)


async def sign_in(site: Site, names: Sequence[str]) -> Callers:
    """Through WeChat's simulator, as phones do. Raises Refused."""
    asked = [
        load.request(site.simulator, "POST", "/_simulator/codes", token="", body={"person": name, "kind": "login"}) for name in names
    ]
    codes = [json.loads(body)["code"] for body in await load.answers(site.simulator, asked)]
    entries = [load.request(site.url, "POST", f"{API}/auth/wechat", token="", body={"code": code}) for code in codes]
    told = [json.loads(body)["access_token"] for body in await load.answers(site.url, entries)]
    return Callers(site.url, dict(zip(names, told, strict=True)))


async def reading(site: Site) -> list[Operation]:
    county, reports = await _known(site)
    month_ends = clock.month_start(clock.today()) - timedelta(days=1)
    month = urlencode({"area_id": county, "from": clock.month_start(month_ends), "to": month_ends})
    year = urlencode({"area_id": county, "from": clock.today() - timedelta(days=364), "to": clock.today()})
    return [
        Operation("inbox, county", HEAD, ["/reports/inbox?limit=50"]),
        Operation("inbox, community", REVIEWER, ["/reports/inbox?limit=50"]),
        Operation("inbox, county, overdue first", HEAD, ["/reports/inbox?limit=50&order=due"]),
        Operation("inbox counts, county", HEAD, ["/reports/inbox/counts"]),
        Operation("inbox counts, community", REVIEWER, ["/reports/inbox/counts"]),
        *(Operation(f"nearby, {radius_m} m", MEMBER, around(radius_m, limit)) for radius_m, limit in RADIUSES.items()),
        *(Operation(f"map, zoom {zoom}, member", MEMBER, boxes(zoom)) for zoom in ZOOMS),
        *(Operation(f"map, zoom {zoom}, staff", HEAD, boxes(zoom)) for zoom in ZOOMS),
        Operation("stats, a month", HEAD, [f"/reports/stats?{month}"]),
        Operation("stats, a year", HEAD, [f"/reports/stats?{year}"]),
        Operation("facets, a month", HEAD, [f"/reports/facets?{month}"]),
        Operation("search, a common word", HEAD, [f"/reports/search?q={quote(COMMON)}"]),
        Operation("search, a rare word", HEAD, [f"/reports/search?q={quote(RARE)}"]),
        Operation("one report", HEAD, [f"/reports/{one}" for one in reports]),
        Operation("timeline", HEAD, [f"/reports/{one}/timeline" for one in reports]),
    ]


async def _known(site: Site) -> tuple[str, list[str]]:
    """The county, and reports spread over the year."""
    connection = await asyncpg.connect(site.database)
    try:
        county = await connection.fetchval("select id::text from area where code = $1", plan.COUNTY_CODE)
        found = await connection.fetch(SPREAD, REPORTS)
    finally:
        await connection.close()
    return county, [one["id"] for one in found]


def _points() -> list[tuple[float, float]]:
    west, south, east, north = plan.COUNTY_BOX
    chance = random.Random("bench")
    return [(chance.uniform(west + 0.01, east - 0.01), chance.uniform(south + 0.01, north - 0.01)) for _ in range(PLACES)]


def around(radius_m: int, limit: int | None) -> list[str]:
    shared = {"crs": "gcj02", "radius_m": radius_m} | ({"limit": limit} if limit else {})
    asked = [{"lng": round(lng, 5), "lat": round(lat, 5), **shared} for lng, lat in _points()]
    return [f"/reports/nearby?{urlencode(one)}" for one in asked]


def boxes(zoom: int) -> list[str]:
    wide, high = ZOOMS[zoom]
    edges = ((lng - wide, lat - high, lng + wide, lat + high) for lng, lat in _points())
    return [f"/reports/map?bbox={','.join(f'{edge:.5f}' for edge in box)}&zoom={zoom}" for box in edges]
