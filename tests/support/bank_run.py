"""reliability.md S05: clients who do all that can be done with points, each predicting what it will hear, over HTTP and beside the API.

A client has a member of its own, whose every reply it knows beforehand by the model; a few members are everybody's, and of their
replies it is known which can come. What has no verb in the API (lessons, an order's end) is done through the services.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from app import clock
from app.db.base import new_id
from app.db.session import Database
from app.points import service as points_service
from app.redemptions import service as redemptions_service
from app.uploads.models import Checked, Upload
from tests.support.bank import broken_books, insisting
from tests.support.ledger_model import Account, Refused
from tests.support.newcomer import Caller, World

MIX = {"award": 22, "report": 4, "place": 24, "verify": 16, "cancel": 8, "undo": 6, "expire": 6, "adjust": 8, "claw_back": 6}
RULES = ("VOLUNTEER_HOUR", "LESSON_PASSED", "REPORT_JOINED", "REPORT_CLOSED")
CLIENTS, SHARED, PRICE, MAKERS = 32, 4, 10, 4
OWN = 0.75  # of what a client does concerns its own member
LOOK_EVERY = 0.05
MANY = 1_000_000
TRIES = 20
AREA = "370899/370899001/370899001001/"
PASSED = sa.text("update redemption set expires_at = clock_timestamp() - interval '1 second' where id = :id and status = 'issued'")
# What can be heard about an order that others are busy with too.
CAN_COME = {
    "award": {"ok"}, "report": {"ok"}, "place": {"ok", "insufficient_points"}, "adjust": {"ok"}, "claw_back": {"ok", "already_exists"},
    "verify": {"ok", "already_verified", "redemption_cancelled", "redemption_expired", "conflict"}, "cancel": {"ok", "invalid_transition"},
    "undo": {"ok", "not_found", "already_undone", "conflict"}, "expire": {"ok", "nothing"},
}


@dataclass
class Order:
    id: str
    code: str
    points: int
    state: str = "issued"
    used: bool = False


@dataclass
class Member:
    """`net` and `held` are the sums of what was done; `account` is the model, of a member that one client alone is busy with."""

    caller: Caller
    account: Account | None
    orders: list[Order] = field(default_factory=list)
    earned: list[tuple[UUID, int]] = field(default_factory=list)
    net: int = 0
    held: int = 0


@dataclass
class Told:
    """What one operation heard, and what was expected of it."""

    what: str
    heard: str
    expected: set[str]
    exact: bool


@dataclass
class Run:
    """`seed` decides what each client does; how they meet is the machine's. `owners`: so many clients have a member of their own.

    Where servers die meanwhile, `insist` is what lives through that, and `look` may find nobody who answers.
    """

    world: World
    database: Database
    seed: int
    operations: int
    owners: int = CLIENTS
    own: float = OWN
    insist: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]] = insisting
    members: list[Member] = field(default_factory=list)
    makers: list[Caller] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    busy: int = 0
    looks: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    async def go(self) -> None:
        """Everybody at once, while the books are looked at."""
        reward = await self.world.reward(stock=MANY, stock_per_day=MANY, levels=[1, 2, 3, 4, 5])  # every way of counting, and no limit
        self.members = [Member(caller, Account()) for caller in await self._people(self.owners)]
        self.members += [Member(caller, None) for caller in await self._people(SHARED)]
        async with self.database.transaction() as session:
            await session.exec(sa.text(
                "insert into points_cap (id, code, version) select gen_random_uuid(), code, max(version) + 1 from points_cap"
                " where code <> 'GLOBAL' group by code"
            ))
        # Changes by hand of one maker are judged one after the other, so several administrators make them.
        county = self.world.areas["county"]
        self.makers = [await self.world.staff(self.world.chief, "area_admin", "area", county) for _ in range(MAKERS)]
        began, turns = time.monotonic(), iter(range(self.operations))
        over = asyncio.Event()
        reader = asyncio.create_task(self._read(over))
        clients = [_Client(self, number, str(reward["id"]), turns) for number in range(CLIENTS)]
        try:
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(client.work())
        finally:
            over.set()
        await reader
        self.seconds = time.monotonic() - began

    async def _people(self, count: int) -> list[Caller]:
        found: list[Caller] = []
        for _ in range(0, count, 8):
            found += await asyncio.gather(*(self.world.rider() for _ in range(min(8, count - len(found)))))
        return found

    async def _read(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self.violations += await self.look()
            self.looks += 1
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> list[str]:
        return await broken_books(self.database)

    @property
    def unexpected(self) -> list[Told]:
        return [one for one in self.told if one.heard not in one.expected]

    @property
    def exact(self) -> int:
        return sum(one.exact for one in self.told)

    @property
    def line(self) -> str:
        mix, heard = Counter(one.what for one in self.told), Counter(f"{one.what} {one.heard}" for one in self.told)
        return (
            f"seed {self.seed}: {len(self.told)} operations in {self.seconds:.1f} s ({dict(mix.most_common())}), {self.looks} looks at the"
            f" books, {len(self.violations)} violations; {self.exact} replies foretold exactly, {len(self.unexpected)} unexpected,"
            f" {self.busy} times busy; {dict(heard.most_common())}"
        )


class _Client:
    def __init__(self, run: Run, number: int, reward_id: str, turns: Any) -> None:
        self.run, self.world, self.number, self.reward_id, self.turns = run, run.world, number, reward_id, turns
        self.chance = random.Random(f"{run.seed}/{number}")
        self.shared = run.members[run.owners :]
        self.own = run.members[number] if number < run.owners else None
        self.maker = run.makers[number % len(run.makers)]
        self.today = clock.today()

    async def work(self) -> None:
        """Everybody begins with something to spend."""
        for member in filter(None, (self.own, *self.shared[self.number : self.number + 1])):
            for ago in (45, 46):
                await self._judged(member, "MAJOR_LEAD", self.today - timedelta(days=ago), new_id())
        verbs: dict[str, Callable[[Member], Awaitable[tuple[str, set[str]]]]] = {name: getattr(self, f"_{name}") for name in MIX}
        for _ in self.turns:
            member = self.own if self.own and self.chance.random() < self.run.own else self.chance.choice(self.shared)
            [what] = self.chance.choices(list(MIX), list(MIX.values()))
            if what in ("verify", "cancel", "undo", "expire") and not member.orders:
                what = "place"
            if what == "claw_back" and not member.earned:
                what = "award"
            heard, foretold = await verbs[what](member)
            self.run.told.append(Told(what, heard, foretold if member.account else CAN_COME[what], member.account is not None))

    async def _award(self, member: Member) -> tuple[str, set[str]]:
        code, filed = self.chance.choice(RULES), self.today - timedelta(days=self.chance.randrange(30))
        return await self._judged(member, code, filed, new_id())

    async def _judged(self, member: Member, code: str, filed: date, source: UUID) -> tuple[str, set[str]]:
        """Through the service: lessons have no verb yet, and no report is closed a month after in a minute."""
        async def award() -> points_service.Award:
            async with self.run.database.transaction() as session:
                return await points_service.award(
                    session, member_id=UUID(member.caller.id), rule=code, source_type="report", source_id=source, source_number=None,
                    filed_at=clock.day_start(filed) + timedelta(hours=12), area_path=AREA,
                )

        given = await self.run.insist(award)
        member.net += given.credited
        if given.transaction_id is not None:
            member.earned.append((given.transaction_id, given.credited))
        if member.account is None:
            return "ok", {"ok"}
        expected = member.account.award(code, str(source), filed=filed, today=self.today, lot=str(given.transaction_id))
        return f"credited {given.credited}", {f"credited {expected.credited}"}

    async def _report(self, member: Member) -> tuple[str, set[str]]:
        """Filed, and accepted by a reviewer: that pays, as long as the day has room."""
        report = await member.caller.files()
        before = (await member.caller.points()) if member.account else None
        answer = await self._send(self.chance.choice(self.world.reviewers), f"/reports/{report['id']}/accept", {})
        lines = await self._rows("select id, amount from points_transaction where kind = 'earn' and reference_id = :id", id=report["id"])
        credited = sum(row[1] for row in lines)
        member.net += credited
        member.earned += [(row[0], row[1]) for row in lines]
        if member.account is None or before is None:
            return _outcome(answer), {"ok"}
        name = str(lines[0][0]) if lines else "none"
        expected = member.account.award("REPORT_ACCEPTED", report["id"], filed=self.today, today=self.today, lot=name)
        return f"{_outcome(answer)} {credited}", {f"ok {expected.credited}"}

    async def _place(self, member: Member) -> tuple[str, set[str]]:
        quantity = self.chance.randint(1, 4)
        answer = await self._send(member.caller, "/redemptions", {"reward_id": self.reward_id, "quantity": quantity})
        points, expected = PRICE * quantity, {"ok"}
        if answer.status_code == 201:
            told = answer.json()
            member.net, member.held = member.net - points, member.held + points
            member.orders.append(Order(told["id"], told["code"], points))
        if member.account is not None:
            try:
                member.account.hold(answer.json().get("id", "refused"), points, today=self.today)
            except Refused:
                expected = {"insufficient_points"}
        return _outcome(answer), expected

    async def _verify(self, member: Member) -> tuple[str, set[str]]:
        order = self.chance.choice(member.orders)
        expected = {"issued": "ok", "verified": "already_verified", "cancelled": "redemption_cancelled", "expired": "redemption_expired"}
        foretold = expected[order.state]
        till = {"store_id": self.world.store_id, "code": order.code}
        answer = await self._send(self.chance.choice(self.world.clerks), "/redemptions/verify", till)
        if answer.status_code == 200:
            member.held -= order.points
            order.state, order.used = "verified", True
            if member.account is not None:
                member.account.capture(order.id)
        return _outcome(answer), {foretold}

    async def _cancel(self, member: Member) -> tuple[str, set[str]]:
        order = self.chance.choice(member.orders)
        foretold = "ok" if order.state == "issued" else "invalid_transition"
        answer = await self._send(member.caller, f"/redemptions/{order.id}/cancel", None)
        if answer.status_code == 200:
            self._over(member, order, "cancelled")
        return _outcome(answer), {foretold}

    async def _undo(self, member: Member) -> tuple[str, set[str]]:
        order = self.chance.choice(member.orders)
        foretold = "ok" if order.state == "verified" else "already_undone" if order.used else "not_found"
        answer = await self._send(self.chance.choice(self.world.clerks), f"/redemptions/{order.id}/undo", {"reason": "扫错了单子"})
        if answer.status_code == 200:
            member.held += order.points
            order.state = "issued"
            if member.account is not None:
                member.account.undo(order.id)
        return _outcome(answer), {foretold}

    async def _expire(self, member: Member) -> tuple[str, set[str]]:
        """Its time is over, and the job's work is done to it. Where the service's worker was first, it is done too."""
        order = self.chance.choice(member.orders)
        foretold = "ok" if order.state == "issued" else "nothing"
        row = UUID(order.id)

        async def let_pass() -> int:
            async with self.run.database.transaction() as session:
                return int((await session.exec(PASSED, params={"id": row})).rowcount)

        async def expire() -> bool:
            async with self.run.database.transaction() as session:
                return await redemptions_service.expire(session, redemption_id=row)

        await self.run.insist(let_pass)
        ended = await self.run.insist(expire)
        if not ended and order.state == "issued" and member.account is not None:
            ended = [row[0] for row in await self._rows("select status from redemption where id = :id", id=order.id)] == ["expired"]
        if ended:
            self._over(member, order, "expired")
        return "ok" if ended else "nothing", {foretold}

    async def _adjust(self, member: Member) -> tuple[str, set[str]]:
        amount = self.chance.choice([-20, -10, 5, 10, 30, 40])
        body = {"member_id": member.caller.id, "amount": amount, "reason": "线下补记"}
        return await self._by_two(member, "adjustments", body, amount, None)

    async def _claw_back(self, member: Member) -> tuple[str, set[str]]:
        line, points = self.chance.choice(member.earned)
        heard, expected = await self._by_two(member, "clawbacks", {"entry_id": str(line), "reason": "虚假上报"}, -points, str(line))
        if member.account is not None:
            member.earned.remove((line, points))
        return heard, expected

    async def _by_two(self, member: Member, kind: str, body: dict[str, Any], amount: int, lot: str | None) -> tuple[str, set[str]]:
        """Proposed by one administrator, approved by another."""
        made = await self._send(self.maker, f"/points/{kind}", body | {"upload_id": await self._proof()})
        if made.status_code != 201:
            return _outcome(made), {"ok"}
        answer = await self._send(self.world.second_admin, f"/points/{kind}/{made.json()['id']}/approve", None)
        if answer.status_code == 200:
            member.net += amount
            if member.account is not None and amount > 0:
                member.account.credit("adjust", amount, today=self.today, lot=made.json()["id"])
            elif member.account is not None:
                member.account.take("adjust", -amount, today=self.today, first=lot)
        return _outcome(answer), {"ok"}

    def _over(self, member: Member, order: Order, state: str) -> None:
        order.state = state
        member.net, member.held = member.net + order.points, member.held - order.points
        if member.account is not None:
            member.account.release(order.id, today=self.today)

    async def _send(self, who: Caller, path: str, body: Any) -> httpx.Response:
        """Whoever hears that the service is busy asks again, under the same key."""
        key = new_id().hex
        for _ in range(TRIES):
            answer = await who.post(path, body, key=key)
            if answer.status_code != 503:
                break
            self.run.busy += 1
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")) / 10)
        return answer

    async def _proof(self) -> str:
        """A photo of the administrator's, whose objects nobody looks at."""
        async def add() -> str:
            made = new_id()
            async with self.run.database.transaction() as session:
                session.add(
                    Upload(
                        id=made, member_id=UUID(self.maker.id), image_key=f"{made}/image", thumb_key=f"{made}/thumb", size_bytes=1,
                        content_type="image/jpeg", width=1, height=1, checked=Checked.PASS,
                    )
                )
            return str(made)

        return str(await self.run.insist(add))

    async def _rows(self, statement: str, id: str) -> Sequence[Any]:
        async def ask() -> Sequence[Any]:
            async with self.run.database.session() as session:
                return (await session.exec(sa.text(statement), params={"id": UUID(id)})).all()

        rows: Sequence[Any] = await self.run.insist(ask)
        return rows


def _outcome(answer: httpx.Response) -> str:
    return "ok" if answer.is_success else str(answer.json().get("code", answer.status_code))
