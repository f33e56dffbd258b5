"""Sixty days of a county in memory: 2,000 honest people with habits of their own, and three rings of rider, reviewer and clerk among them.

Honest people are no coin tosses: some come daily, always at noon and to the same clerk, order at the counter, type every code, share a
phone with a cousin behind the till, work in a shop themselves. A lens that takes a habit for a ring fails here.
"""

import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.collusion.facts import Acceptances, AtStore, Use

DAYS, STORES, COMMUNITIES, RIDERS, REVIEWERS = 60, 40, 12, 1930, 40  # with two or three clerks a store: 2,000 honest people
FIRST_HOUR, LAST_HOUR = 7, 22


@dataclass(frozen=True)
class Ring:
    """`uses` and `reports` a day from `since` on; `fast`: the share verified within seconds; `late`: the share near midnight."""

    since: int
    uses: float
    reports: float
    fast: float
    late: float
    faithful: float
    device: bool
    rider: UUID = field(default=None)  # type: ignore[assignment]
    clerk: UUID = field(default=None)  # type: ignore[assignment]
    reviewer: UUID = field(default=None)  # type: ignore[assignment]
    store: int = 0

    @property
    def persons(self) -> set[UUID]:
        return {self.rider, self.clerk, self.reviewer}


# One that does not care, one that does, one that knows what is looked for.
PLANS = (
    Ring(since=12, uses=1.6, reports=4, fast=0.95, late=0.5, faithful=1.0, device=True),
    Ring(since=21, uses=1.0, reports=4, fast=0.7, late=0.0, faithful=0.95, device=False),
    Ring(since=30, uses=0.5, reports=2, fast=0.1, late=0.0, faithful=0.9, device=False),
)


@dataclass(frozen=True)
class Row:
    """A verification and the day on which the nightly job sees it first."""

    day: int
    use: Use


class SimulatedCounty:
    """`uses` by store, `accepted` as (day, member, reviewer, cell)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.uses: dict[int, list[Row]] = defaultdict(list)
        self.accepted: list[tuple[int, UUID, UUID, tuple[UUID, int]]] = []
        self.origins: dict[UUID, frozenset[bytes]] = defaultdict(frozenset)
        self.clerks = [[self.person() for _ in range(self.random.choice((2, 3)))] for _ in range(STORES)]
        self.communities = [self.person() for _ in range(COMMUNITIES)]
        self.reviewers = [[self.person() for _ in range(REVIEWERS // COMMUNITIES)] for _ in range(COMMUNITIES)]
        self.staff = frozenset(clerk for clerks in self.clerks for clerk in clerks)
        self.honest = set(self.staff) | {one for many in self.reviewers for one in many}
        for clerk in self.staff:
            self.origins[clerk] |= {self.random.randbytes(16)}
        for number, clerks in enumerate(self.clerks):
            for clerk in clerks:
                self.origins[clerk] |= {b"wifi of shop %d" % number}
        for number in range(RIDERS):
            self._rider(self.person() if number >= 60 else self.random.choice(sorted(self.staff)))
        self.rings = [self._ring(plan) for plan in PLANS]

    def person(self) -> Any:
        """An id: a number, because most of the time would be spent on the hashes of UUIDs."""
        return self.random.getrandbits(60)

    def seen(self, night: int, window: int = 60) -> list[AtStore]:
        """What the job of a night reads, store by store."""
        return [
            AtStore(uses, {one: self.origins[one] for use in uses for one in use.pair}, self.staff)
            for rows in self.uses.values() if (uses := [row.use for row in rows if night - window <= row.day < night])
        ]

    def accepted_until(self, night: int, window: int = 60) -> list[Acceptances]:
        counted = Counter(row[1:] for row in self.accepted if night - window <= row[0] < night)
        return [Acceptances(member, reviewer, cell, count) for (member, reviewer, cell), count in counted.items()]

    def _rider(self, rider: UUID) -> None:
        """Somebody with habits: how often, where, when, how."""
        draw = self.random
        self.honest.add(rider)
        a_month = draw.gammavariate(0.8, 5.0)
        favourites = draw.sample(range(STORES), draw.choice((1, 1, 2, 3)))
        hour = draw.choice((8, 12, 12, 13, 18, 18, 19, 20)) if draw.random() > 0.02 else 22
        at_counter, pace = draw.betavariate(0.5, 0.5), draw.uniform(28, 70)
        types = 0.8 if draw.random() < 0.04 else 0.03
        kin = draw.choice(self.clerks[favourites[0]]) if draw.random() < 0.005 else None
        self.origins[rider] |= self.origins[kin] if kin and kin != rider else {draw.randbytes(16)}
        if draw.random() < 0.1:
            self.origins[rider] |= {b"wifi of shop %d" % favourites[0]}
        for _ in range(self._poisson(a_month * DAYS / 30)):
            store = draw.choice(favourites)
            seconds = draw.lognormvariate(math.log(pace), 0.5) if draw.random() < at_counter else draw.lognormvariate(math.log(14_400), 1.5)
            self._visit(rider, store, draw.randrange(DAYS), self._hour(hour), max(seconds, 6.0), draw.random() < types)
        self._reports(rider, a_month, hour)

    def _hour(self, usual: int) -> int:
        return min(max(round(self.random.gauss(usual, 1.5)), FIRST_HOUR), LAST_HOUR)

    def _visit(self, rider: UUID, store: int, day: int, hour: int, seconds: float, typed: bool, clerk: UUID | None = None) -> None:
        shift = day * 2 + (hour >= 14)
        clerk = clerk or self._on_duty(self.clerks[store], shift)
        if clerk == rider:
            return
        use = Use(clerk, rider, self.person(), seconds, shift, hour, typed)
        if self.random.random() < 0.01:
            self.uses[store].append(Row(day, Use(clerk, rider, use.order_id, seconds, shift, hour, typed, undone=True)))
        self.uses[store].append(Row(day, use))

    def _on_duty(self, team: list[UUID], shift: int) -> UUID:
        """Four of five are served by whoever has the shift; the shifts go round with the days of the week."""
        main = team[(shift % 14 + shift % 2) % len(team)]
        return main if self.random.random() < 0.8 else self.random.choice(team)

    def _reports(self, rider: UUID, a_month: float, hour: int) -> None:
        at_home = self.random.randrange(COMMUNITIES)
        for _ in range(self._poisson(a_month * DAYS / 30)):
            place = at_home if self.random.random() < 0.8 else self.random.randrange(COMMUNITIES)
            day, at = self.random.randrange(DAYS), self._hour(hour)
            reviewer = self._on_duty(self.reviewers[place], day * 2 + (at >= 14))
            self.accepted.append((day, rider, reviewer, (self.communities[place], at // 6)))

    def _ring(self, plan: Ring) -> Ring:
        draw = self.random
        store, place = draw.randrange(STORES), draw.randrange(COMMUNITIES)
        clerk, rider, reviewer = self.clerks[store][0], self.person(), self.reviewers[place][0]
        self.honest -= {clerk, reviewer}
        self.origins[rider] |= self.origins[clerk] if plan.device else {draw.randbytes(16)}
        for day in range(plan.since, DAYS):
            for _ in range(self._poisson(plan.uses)):
                fast, late = draw.random() < plan.fast, draw.random() < plan.late
                seconds = draw.uniform(3, 18) if fast else draw.lognormvariate(math.log(7_200), 1.0)
                theirs = clerk if draw.random() < plan.faithful else None
                self._visit(rider, store, day, 23 if late else self._hour(13), seconds, False, theirs)
            for _ in range(self._poisson(plan.reports)):
                at = self._hour(13)
                theirs = reviewer if draw.random() < plan.faithful - 0.1 else self._on_duty(self.reviewers[place], day * 2 + (at >= 14))
                self.accepted.append((day, rider, theirs, (self.communities[place], at // 6)))
        return Ring(**{**plan.__dict__, "rider": rider, "clerk": clerk, "reviewer": reviewer, "store": store})

    def _poisson(self, mean: float) -> int:
        """Knuth's: fine for the small means here."""
        limit, count, product = math.exp(-mean), 0, self.random.random()
        while product > limit:
            count += 1
            product *= self.random.random()
        return count
