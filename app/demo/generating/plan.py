"""When everything happens and who reports what: each report follows from its position alone, so that a run can go on where it stopped."""

import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriverUUID

from app import clock

YEAR = timedelta(days=365)
# A member's reports lie as far apart as this, which is longer than any life that ends: so what one of them earns comes in order,
# and no cap of the points rules is reached.
REPORTS_A_MEMBER = 20
# A member's lessons and hours lie as far apart as this at least: one of each kind a day, which no cap of the points rules forbids.
FILL_GAP = timedelta(hours=12)
AWARDS_A_REPORT, ENTRIES_AN_AWARD = 1.55, 5.15  # as they come out, to find how many lessons and hours make the entries that are asked for
LANES = 6  # a lane and its server process take turns: so many keep two cores busy
MICRO = timedelta(microseconds=1)
GOLDEN = 0.6180339887498949  # its multiples lie evenly in a day, however many they are


def id_at(at: datetime, chance: random.Random) -> UUID:
    """A UUIDv7 of that instant; the driver's own kind of UUID is made and copied several times as fast."""
    milliseconds, drawn = int(at.timestamp() * 1_000), chance.getrandbits(74)
    number = milliseconds << 80 | 0x7 << 76 | drawn >> 62 << 64 | 0b10 << 62 | drawn & (1 << 62) - 1
    made: UUID = DriverUUID(number.to_bytes(16))
    return made


@dataclass(frozen=True)
class Plan:
    """One run. `before` is the last number that is not its own on each day, `orders_before` the last of any day's orders.

    `entries` is how many entries the ledger is to have, about; at 0 members earn by their reports alone, and spend nothing.
    """

    seed: int
    members: int
    reports: int
    until: datetime
    before: dict[date, int]
    entries: int = 0
    orders_before: int = 0

    @property
    def start(self) -> datetime:
        return self.until - YEAR

    @cached_property
    def days(self) -> dict[date, int]:
        """Each day with its first report; the days without reports share that of the next."""
        first, last = clock.local_day(self.start), clock.local_day(self.until)
        every = (first + timedelta(days=ahead) for ahead in range((last - first).days + 2))
        return {day: bisect_left(range(self.reports), clock.day_start(day), key=self.filed_at) for day in every}

    def filed_at(self, report: int) -> datetime:
        return self.start + (2 * report + 1) * (YEAR // MICRO) // (2 * self.reports) * MICRO

    def number(self, report: int) -> str:
        day = clock.local_day(self.filed_at(report))
        return f"R{day:%Y%m%d}-{self.before.get(day, 0) + report - self.days[day] + 1:06d}"

    def filed_on(self) -> Iterator[tuple[date, int]]:
        """How many reports each day has."""
        for day, following in zip(self.days, list(self.days)[1:], strict=False):
            if self.days[following] > self.days[day]:
                yield day, self.days[following] - self.days[day]

    def reports_of(self, lane: int) -> Iterator[int]:
        """Those of every sixth member, in the order in which they are filed."""
        for turn in range(0, self.reports, self.members):
            yield from range(turn + lane, min(turn + self.members, self.reports), LANES)

    def members_of(self, lane: int) -> range:
        return range(lane, self.members, LANES)

    def member_of(self, report: int) -> int:
        return report % self.members

    def chance_of(self, report: int) -> random.Random:
        """What decides about a report; its id is drawn first."""
        return random.Random(self.seed << 64 | report)

    def chance_of_member(self, member: int) -> random.Random:
        return random.Random(self.seed << 64 | 1 << 63 | member)

    def chance_of_ledger(self, lane: int) -> random.Random:
        return random.Random(self.seed << 64 | 1 << 62 | lane)

    @cached_property
    def fill_gap(self) -> timedelta | None:
        """From one lesson or hour of a member to the next; None when the reports bring as many entries as are asked for."""
        fills = self.entries / ENTRIES_AN_AWARD - self.reports * AWARDS_A_REPORT
        return YEAR * self.members / fills if fills > 0 else None

    def filled_at(self, member: int) -> datetime:
        """The first lesson of a member: not all learn on the same day."""
        assert self.fill_gap is not None
        return self.start + self.fill_gap * ((member * GOLDEN) % 1)

    def came_at(self, member: int) -> datetime:
        """Everybody came before the first report."""
        return self.start - timedelta(days=1 + member % 30, seconds=member % 86_000)

    def member_id(self, member: int) -> UUID:
        return id_at(self.came_at(member), self.chance_of_member(member))

    def report_id(self, report: int) -> UUID:
        return id_at(self.filed_at(report), self.chance_of(report))
