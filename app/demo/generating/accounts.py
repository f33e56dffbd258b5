"""The ledgers of a lane from the first day to the last: what reports bring, lessons and hours besides, and what is ordered for it."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from app import clock
from app.db.session import AsyncSession
from app.demo.generating.county import County
from app.demo.generating.ledger import Due, Ledger
from app.demo.generating.orders import Orders
from app.demo.generating.plan import LANES, MICRO, YEAR, Plan, id_at
from app.demo.generating.sheets import Sheets
from app.demo.generating.timeline import Timeline
from app.points import workflow_rules
from app.points.ledger import Reference

# In turn: no member has more than one of each a day.
FILLS = (("LESSON_PASSED", "lesson"), ("VOLUNTEER_HOUR", "activity"))
LEAST_BATCHES, ENTRIES_AT_ONCE, ENTRIES_A_REPORT = 13, 12_000, 4


class Accounts:
    def __init__(self, session: AsyncSession, plan: Plan, lane: int, county: County) -> None:
        self._plan, self._county, self._timeline = plan, county, Timeline()
        self._ledger = Ledger(plan, lane, self._timeline)
        self._orders = Orders(session, plan, lane, county.offers, self._ledger, self._timeline) if county.offers else None
        expected = max(plan.entries, plan.reports * ENTRIES_A_REPORT) // LANES
        self._step = YEAR / max(LEAST_BATCHES, expected // ENTRIES_AT_ONCE)
        self._told = plan.start
        if plan.fill_gap is not None:
            for member in plan.members_of(lane):
                self._timeline.add(plan.filled_at(member), partial(self._fill, member, 0))

    def expect(self, member: int, dues: Sequence[Due]) -> None:
        for due in dues:
            self._timeline.add(due.at, partial(self._pay, member, due))

    def until(self, known: datetime) -> Iterator[Sheets]:
        """All batches up to an instant before which everything that reports bring is known by now."""
        while self._told + self._step <= known:
            self._told += self._step
            yield self._batch(self._told)

    def rest(self) -> Iterator[Sheets]:
        """The last batches: up to the end of the run, and what only its end decides."""
        yield from self.until(self._plan.until)
        sheets = self._batch(self._plan.until + MICRO)
        if self._orders is not None:
            self._orders.rest()
        yield sheets
        yield from self._ledger.rest()

    def _batch(self, before: datetime) -> Sheets:
        self._ledger.sheets = Sheets()
        self._timeline.run(before)
        return self._ledger.sheets

    def _pay(self, member: int, due: Due, at: datetime) -> None:
        book = self._ledger.book(member)
        self._ledger.award(book, due)
        if self._orders is not None:
            self._orders.think(book, at)

    def _fill(self, member: int, turn: int, at: datetime) -> None:
        """A lesson or an hour, and then the next one."""
        assert self._plan.fill_gap is not None
        code, kind = FILLS[(turn + member) % len(FILLS)]
        rule, grid = self._county.rules[code], self._county.grids[random.Random(member).randrange(len(self._county.grids))]
        source, filed_on = Reference(kind, id_at(at, self._ledger.chance)), clock.local_day(at)
        once_key = workflow_rules.once_key(rule.conditions.get("once_per"), source.id, filed_on)
        self._pay(member, Due(at, rule, source, filed_on, grid.path, self._plan.member_id(member), once_key=once_key), at)
        self._timeline.add(at + self._plan.fill_gap, partial(self._fill, member, turn + 1))
