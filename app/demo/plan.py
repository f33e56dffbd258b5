"""What the demo county consists of: the same at every start, without a clock, a database or chance. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count

from app.demo import names

Box = tuple[float, float, float, float]  # west, south, east, north in GCJ-02

COUNTY_CODE, COUNTY_NAME = names.COUNTY
COUNTY_BOX: Box = (116.70, 35.48, 116.90, 35.62)
FOUR_GRIDS = frozenset({0, 4, 8, 11})  # the communities with four grids; the others have three
STORES, RIDERS = 30, 200
PARTS, LANES = 10, 2  # parts are filled in lanes, side by side
PARTY_MEMBER_EVERY = 12

# What the reports of one part have come to; a fiftieth is a tenth of the county's 500.
OUTCOMES = {
    "submitted": 17, "accepted": 7, "dispatched": 2, "in_progress": 2, "suspended": 1, "resolved": 1, "awaiting_feedback": 1, "disputed": 1,
    "reopened": 1, "closed": 5, "rejected": 5, "merged": 2, "withdrawn": 5,
}
UNFILED = frozenset({"submitted", "rejected", "merged", "withdrawn"})  # never accepted, so nothing was paid
CLOSED_ONCE = frozenset({"closed", "reopened"})
TAKES_MERGED = frozenset({"submitted", "accepted", "dispatched"})
FILED_POINTS, HAZARD_POINTS, CLOSED_POINTS, JOINED_POINTS, WATER_POINTS = 10, 50, 10, 2, 20
ORDER_ENDS = ("verified", "verified", "verified", "issued", "issued", "cancelled")  # of each part


@dataclass(frozen=True, slots=True)
class AreaPlan:
    level: str
    code: str
    name: str
    parent: str | None
    box: Box

    @property
    def middle(self) -> tuple[float, float]:
        west, south, east, north = self.box
        return (west + east) / 2, (south + north) / 2


@dataclass(frozen=True, slots=True)
class StorePlan:
    name: str
    category: str
    community: str
    lng: float
    lat: float
    number: int


@dataclass(frozen=True, slots=True)
class RewardPlan:
    name: str
    kind: str
    points: int
    stock: int | None
    cents: int
    per_month: int | None
    stores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RiderPlan:
    person: str
    real_name: str
    occupation: str
    community: str
    enterprise: int | None
    political_status: str


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """`turn` says which of the rider's reports it is; `into` is the position, within the part, of the report that it is merged into.

    `doubted`: WeChat leaves its photo to people.
    """

    rider: int
    turn: int
    outcome: str
    category: str
    description: str
    community: str
    lng: float
    lat: float
    into: int | None
    doubted: bool = False

    @property
    def hazard(self) -> bool:
        return self.category in names.HAZARDS


@dataclass(frozen=True, slots=True)
class OrderPlan:
    rider: int
    end: str
    store: int


def split(box: Box, columns: int, rows: int) -> list[Box]:
    """Equal rectangles, from the south-west on; neighbours share their edges to the last digit."""
    west, south, east, north = box
    lngs = [round(west + (east - west) * at / columns, 6) for at in range(columns + 1)]
    lats = [round(south + (north - south) * at / rows, 6) for at in range(rows + 1)]
    return [(lngs[x], lats[y], lngs[x + 1], lats[y + 1]) for y in range(rows) for x in range(columns)]


@cache
def areas() -> tuple[AreaPlan, ...]:
    """County, streets, communities, grids; each after the one that it lies in."""
    return (AreaPlan("county", COUNTY_CODE, COUNTY_NAME, None, COUNTY_BOX), *_below_the_county())


def _below_the_county() -> Iterator[AreaPlan]:
    position = count()
    streets = zip(names.STREETS, names.COMMUNITIES, split(COUNTY_BOX, 3, 1), strict=True)
    for number, (street, communities, box) in enumerate(streets, 1):
        code = f"{COUNTY_CODE}{number:03d}"
        yield AreaPlan("street", code, street, COUNTY_CODE, box)
        for place, (community, part) in enumerate(zip(communities, split(box, 2, 2), strict=True), 1):
            community_code = f"{code}{place:03d}"
            yield AreaPlan("community", community_code, community, code, part)
            pieces = split(part, 2, 2) if next(position) in FOUR_GRIDS else split(part, 3, 1)
            for grid, piece in enumerate(pieces, 1):
                yield AreaPlan("grid", f"{community_code}{grid:03d}", f"第{grid}网格", community_code, piece)


@cache
def of_level(level: str) -> tuple[AreaPlan, ...]:
    return tuple(area for area in areas() if area.level == level)


@cache
def by_code() -> dict[str, AreaPlan]:
    return {area.code: area for area in areas()}


@cache
def stores() -> tuple[StorePlan, ...]:
    communities, chance = of_level("community"), random.Random("stores")
    made = []
    for number in range(STORES):
        community = communities[number % len(communities)]
        lng, lat = _somewhere(chance, community.box)
        base = community.name.removesuffix("社区")
        kind = names.SHOPS[(number // len(communities) * 4 + number) % len(names.SHOPS)]
        made.append(StorePlan(f"{base}{kind}", names.SHOP_CATEGORIES.get(kind, "other"), community.code, lng, lat, number + 1))
    return tuple(made)


@cache
def rewards() -> tuple[RewardPlan, ...]:
    made = []
    for number, (name, kind, points, stock, cents, per_month) in enumerate(names.REWARDS):
        wide = names.STORES_OF_WATER if name == names.WATER else 1 + number % 4
        places = tuple(sorted({(number * 7 + step * 11) % STORES for step in range(wide)}))
        made.append(RewardPlan(name, kind, points, stock or None, cents, per_month or None, places))
    return tuple(made)


@cache
def water() -> RewardPlan:
    return next(reward for reward in rewards() if reward.name == names.WATER)


@cache
def riders() -> tuple[RiderPlan, ...]:
    communities = of_level("community")
    return tuple(_rider(number, communities[number % len(communities)].code) for number in range(RIDERS))


def _rider(number: int, community: str) -> RiderPlan:
    name = names.SURNAMES[number % len(names.SURNAMES)] + names.GIVEN[number % len(names.GIVEN)]
    occupation = ("food_delivery", "courier", "courier", "ride_hailing", "truck_driver")[number % 5]
    enterprise = number % (len(names.ENTERPRISES) + 1)
    in_party = number % PARTY_MEMBER_EVERY == 0
    return RiderPlan(
        f"骑手-{number + 1:03d}", name, occupation, community, enterprise if enterprise < len(names.ENTERPRISES) else None,
        "full_member" if in_party else "league_member" if number % 7 == 3 else "masses",
    )


def riders_of(part: int) -> range:
    each = RIDERS // PARTS
    return range(part * each, (part + 1) * each)


@cache
def reports_of(part: int) -> tuple[ReportPlan, ...]:
    """The reports of a part's riders, in the order in which they are filed; one that is merged comes after the one it goes into."""
    chance = random.Random(f"reports {part}")
    outcomes = [outcome for outcome, times in OUTCOMES.items() for _ in range(times)]
    chance.shuffle(outcomes)
    outcomes.remove("accepted")
    outcomes.insert(0, "accepted")
    made: list[ReportPlan] = []
    people = riders_of(part)
    for position, outcome in enumerate(outcomes):
        rider, turn = people[position % len(people)], position // len(people)
        into = _target(made, rider) if outcome == "merged" else None
        made.append(_report(chance, rider, turn, outcome, into, made))
    first = next(at for at, report in enumerate(made) if report.outcome == "submitted")
    made[first] = replace(made[first], doubted=True)
    return tuple(made)


def _target(made: list[ReportPlan], rider: int) -> int:
    return next(at for at in reversed(range(len(made))) if made[at].outcome in TAKES_MERGED and made[at].rider != rider)


def _report(chance: random.Random, rider: int, turn: int, outcome: str, into: int | None, made: list[ReportPlan]) -> ReportPlan:
    """A merged report tells of the same thing at the same place."""
    if into is not None:
        same = made[into]
        return ReportPlan(rider, turn, outcome, same.category, same.description, same.community, same.lng, same.lat, into)
    category, description = chance.choice(names.REPORTS)
    community = chance.choice(of_level("community"))
    lng, lat = _somewhere(chance, community.box)
    return ReportPlan(rider, turn, outcome, category, description, community.code, lng, lat, None)


def _somewhere(chance: random.Random, box: Box) -> tuple[float, float]:
    """A point well inside a rectangle."""
    west, south, east, north = box
    lng = west + (east - west) * chance.uniform(0.05, 0.95)
    lat = south + (north - south) * chance.uniform(0.05, 0.95)
    return round(lng, 6), round(lat, 6)


@cache
def earned(part: int) -> dict[int, int]:
    """What each rider of a part has at least been paid when the reports stand."""
    points = dict.fromkeys(riders_of(part), 0)
    for report in reports_of(part):
        if report.outcome not in UNFILED:
            points[report.rider] += HAZARD_POINTS if report.hazard else FILED_POINTS
        if report.outcome in CLOSED_ONCE and not report.hazard:
            points[report.rider] += CLOSED_POINTS
    return points


@cache
def orders_of(part: int) -> tuple[OrderPlan, ...]:
    """Bottles of water for those who can pay one."""
    able = [rider for rider, points in earned(part).items() if points >= WATER_POINTS]
    places = water().stores
    pairs = enumerate(zip(able, ORDER_ENDS, strict=False))
    return tuple(OrderPlan(rider, end, places[(part + at) % len(places)]) for at, (rider, end) in pairs)
