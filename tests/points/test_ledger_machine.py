"""Whatever is done to members' points in whatever order: the books say after every step what a small model of the contract says.

`--hypothesis-profile=long` does ten times as much.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Iterator
from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
import sqlalchemy as sa
import uvloop
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.db import session as db_session
from app.parts import session_info
from app.points.errors import InsufficientPoints
from app.settings import Settings
from tests.support.bank import Bank, broken_books, open_branch
from tests.support.ledger_model import RULES, Account, Refused
from tests.support.savepoints import OneConnection

STEPS, EXAMPLES = 50, 5  # of one go; there are as many as it takes
MEMBERS = 4
EVERY = 20  # steps from one look at the whole books to the next
BUSY = ("REPORT_ACCEPTED", "LESSON_PASSED", "HAZARD_ACCEPTED", "REPORT_JOINED", "VOLUNTEER_HOUR")
members = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
days_ago = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 8, 40])
picks = st.integers(0, 99)


class Machine(RuleBasedStateMachine):
    """Each example in a savepoint of the one connection, which is rolled back."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    connection: ClassVar[AsyncConnection]
    bank: ClassVar[Bank]
    seen: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self._do(self.connection.begin_nested())
        self.accounts = [Account() for _ in range(MEMBERS)]
        self.lot_of: dict[str, str] = {}  # the lot that a line opened
        self.taken_back: set[str] = set()
        self.steps, self.today = 0, clock.today()
        self.standings = self._do(self.bank.standings())

    def teardown(self) -> None:
        if self.steps:
            self._expect_books()
        self._do(self.savepoint.rollback())

    @rule(member=members, code=st.sampled_from([*RULES, *BUSY]), source=st.integers(0, 12), ago=days_ago, lesson=st.integers(0, 3))
    def award(self, member: int, code: str, source: int, ago: int, lesson: int) -> None:
        self._award(member, code, source, self.today - timedelta(days=ago), lesson)

    @precondition(lambda self: self.steps % 6 == 2)
    @rule(member=members, code=st.sampled_from(BUSY), source=st.integers(1, 9), days=st.integers(1, 2))
    def busy_days(self, member: int, code: str, source: int, days: int) -> None:
        """More of last week than its caps, or a second reviewer's patience, allow."""
        monday = self.today - timedelta(days=self.today.weekday() + 7)
        for turn in range(6):
            self._award(member, code, source * 100 + turn, monday + timedelta(days=turn % days), turn)

    def _award(self, member: int, code: str, source: int, filed: date, lesson: int) -> None:
        account = self.accounts[member]
        subject = uuid5(NAMESPACE_OID, f"lesson {lesson}") if code == "LESSON_PASSED" else None
        again = (code, str(source)) in account.awards
        given = self._do(
            self.bank.award(self._id(member), code, self._source(member, str(source)), filed_on=filed, subject=subject)
        )
        lot = self._look()
        expected = account.award(
            code, str(source), filed=filed, today=self.today, lot=lot, lesson=str(lesson) if subject else None
        )
        assert (given.credited, given.reason == "second_reviewer") == (expected.credited, expected.waits), (given, expected)
        assert (given.reason is None) == (given.withheld == 0)
        self._agree("again" if again else f"withheld {given.reason}" if given.withheld else "award")

    @precondition(lambda self: self._waiting())
    @rule(pick=picks)
    def confirm(self, pick: int) -> None:
        waiting = self._waiting()
        member, code, source = waiting[pick % len(waiting)]
        self._do(self.bank.confirm(self._id(member), self._source(member, source)))
        credited = self.accounts[member].confirm(code, source, today=self.today, lot=self._look()).credited
        self._agree("confirmed" if credited else "confirmed for nothing")

    @precondition(lambda self: any(account.available for account in self.accounts))
    @rule(pick=picks, points=st.integers(1, 60), too_many=st.sampled_from([False] * 9 + [True]), order=st.uuids(version=4))
    def hold(self, pick: int, points: int, too_many: bool, order: UUID) -> None:
        able = [member for member, account in enumerate(self.accounts) if account.available]
        member, refused = able[pick % len(able)], False
        account = self.accounts[member]
        points = account.available + points if too_many else min(points, account.available)
        try:
            self._do(self.bank.hold(self._id(member), order, points))
        except InsufficientPoints:
            refused = True
        self._look()
        try:
            account.hold(str(order), points, today=self.today)
        except Refused:
            assert refused
        else:
            assert not refused
        self._agree("hold refused" if refused else "hold")

    @precondition(lambda self: self._orders("held"))
    @rule(pick=picks)
    def capture(self, pick: int) -> None:
        member, order = self._pick("held", pick)
        self._do(self.bank.capture(self._id(member), UUID(order), self._points(member, order)))
        self._look()
        self.accounts[member].capture(order)
        self._agree("capture")

    @precondition(lambda self: self._orders("spent"))
    @rule(pick=picks)
    def undo(self, pick: int) -> None:
        member, order = self._pick("spent", pick)
        self._do(self.bank.undo(self._id(member), UUID(order), self._points(member, order)))
        self._look()
        self.accounts[member].undo(order)
        self._agree("undo")

    @precondition(lambda self: self._orders("held"))
    @rule(pick=picks, expired=st.booleans())
    def release(self, pick: int, expired: bool) -> None:
        member, order = self._pick("held", pick)
        self._do(self.bank.release(self._id(member), UUID(order), expired=expired))
        self._look()
        account = self.accounts[member]
        late = any(account.lots[name].last_day < self.today for name, _ in account.orders[order].parts)
        account.release(order, today=self.today)
        self._agree("release after its last day" if late else "release")

    @precondition(lambda self: self.steps % 3 == 1)
    @rule(member=members, points=st.integers(-25, 40).filter(bool))
    def adjust(self, member: int, points: int) -> None:
        account = self.accounts[member]
        if account.erased:
            return
        self._do(self.bank.adjust(self._id(member), points))
        lot, indebted = self._look(), account.debt
        if points > 0:
            account.credit("adjust", points, today=self.today, lot=lot)
        else:
            account.take("adjust", -points, today=self.today)
        self._agree("adjust" if account.debt == indebted else "settled" if account.debt < indebted else "into debt")

    @precondition(lambda self: self._earned())
    @rule(pick=picks)
    def claw_back(self, pick: int) -> None:
        earned = self._earned()
        member, line, points = earned[pick % len(earned)]
        self._do(self.bank.claw_back(UUID(line)))
        self._look()
        self.taken_back.add(line)
        account = self.accounts[member]
        indebted = account.debt
        account.take("reverse", points, today=self.today, first=self.lot_of.get(line))
        self._agree("claw-back" if account.debt == indebted else "claw-back into debt")

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(member=members)
    def expire(self, member: int) -> None:
        before = self.accounts[member].available
        points = self._do(self.bank.expire(self._id(member)))
        self._look()
        self.accounts[member].lapse(self.today)
        assert points == before - self.accounts[member].available
        self._agree("expire" if points else "nothing to expire")

    @precondition(lambda self: self.steps % 4 == 3)
    @rule(days=st.sampled_from([1, 5, 30, 90, 300]))
    def days_go_by(self, days: int) -> None:
        self._do(self.bank.pass_days(days))
        self._look()
        for account in self.accounts:
            for lot in account.lots.values():
                lot.last_day -= timedelta(days=days)
        self._agree("days go by")

    @precondition(lambda self: self.steps > STEPS // 2 and self.steps % 5 == 0)
    @rule(member=st.integers(0, MEMBERS - 1))
    def forget(self, member: int) -> None:
        account = self.accounts[member]
        if account.erased:
            return
        held = [name for name, order in account.orders.items() if order.state == "held"]
        self._do(self.bank.forget(self._id(member), [UUID(name) for name in held]))
        account.forget(today=self.today, lot=self._look())
        self._agree("forget")

    def _look(self) -> str:
        """Reads the books anew; returns the lot that has come since, by the name that the model is to call it."""
        before = {lot[0] for one in self.standings.values() for lot in one.lots}
        self.standings = self._do(self.bank.standings())
        new = [lot for one in self.standings.values() for lot in one.lots if lot[0] not in before]
        assert len(new) <= 1
        for name, _, _, line in new:
            self.lot_of[line] = name
        return new[0][0] if new else "none"

    def _agree(self, what: str) -> None:
        """Balances, lots and lines of every member, after every step."""
        for member, account in enumerate(self.accounts):
            standing = self.standings[self._id(member)]
            assert (standing.available, standing.held, standing.debt) == (account.available, account.held, account.debt), what
            lots = {name: (lot.remaining, lot.last_day.isoformat()) for name, lot in account.lots.items()}
            assert {name: (left, last_day) for name, left, last_day, _ in standing.lots} == lots, what
            assert [(kind, amount, held) for _, kind, amount, held, _ in standing.lines] == account.lines, what
            assert not standing.lines or standing.lines[-1][-1] == account.available - account.debt, what
        self.steps += 1
        self.seen[what] += 1
        if self.steps % EVERY == 0:
            self._expect_books()

    def _expect_books(self) -> None:
        """The product's own checks, and what waits for the commit."""
        self._do(self.connection.execute(sa.text("set constraints all immediate")))
        assert self._do(broken_books(self.bank.database)) == []
        self._do(self.connection.execute(sa.text("set constraints all deferred")))

    def _do(self, work: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await work

        return self.loop.run_until_complete(done())

    def _id(self, member: int) -> UUID:
        return self.bank.branch.members[member]

    @staticmethod
    def _source(member: int, source: str) -> UUID:
        return uuid5(NAMESPACE_OID, f"{member} {source}")

    def _waiting(self) -> list[tuple[int, str, str]]:
        return [
            (member, code, source) for member, account in enumerate(self.accounts) for (code, source), one in account.awards.items()
            if one.waits
        ]

    def _orders(self, state: str) -> list[tuple[int, str]]:
        return [
            (member, name) for member, account in enumerate(self.accounts) for name, order in account.orders.items()
            if order.state == state and not account.erased
        ]

    def _pick(self, state: str, pick: int) -> tuple[int, str]:
        orders = self._orders(state)
        return orders[pick % len(orders)]

    def _points(self, member: int, order: str) -> int:
        return sum(points for _, points in self.accounts[member].orders[order].parts)

    def _earned(self) -> list[tuple[int, str, int]]:
        """Lines that were earned and not taken back yet: whose, which, how much."""
        return [
            (member, line[0], line[2]) for member, account in enumerate(self.accounts) if not account.erased
            for line in self.standings[self._id(member)].lines if line[1] == "earn" and line[0] not in self.taken_back
        ]


@pytest.fixture
def opened(settings: Settings) -> Iterator[type[Machine]]:
    """The machine on a connection of its own, whose transaction is never committed."""
    Machine.loop, Machine.seen = uvloop.new_event_loop(), Counter()
    database = db_session.connect(str(settings.database_url), info=session_info(settings), pool_size=1)

    async def begin() -> None:
        Machine.connection = await database.engine.connect()
        await Machine.connection.begin()
        within = OneConnection(Machine.connection, session_info(settings))
        async with within.transaction() as session:
            branch = await open_branch(session, settings, members=MEMBERS)
        Machine.bank = Bank(within, branch)

    async def end() -> None:
        await Machine.connection.rollback()
        await Machine.connection.close()
        await database.close()

    Machine.loop.run_until_complete(begin())
    yield Machine
    Machine.loop.run_until_complete(end())
    Machine.loop.close()


def test_the_books_are_what_the_model_says(opened: type[Machine]) -> None:
    wanted = 10_000 if effort.get_current_profile_name() == "long" else 1_000
    some = effort(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    while opened.seen.total() < wanted:
        run_state_machine_as_test(opened, settings=some)
    sys.stdout.write(f"{opened.seen.total()} steps: {dict(opened.seen.most_common())}\n")
