"""The bank run over two replicas while servers die under it: the same clients, who ask again under the same key and note all they hear."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import PendingRollbackError, SQLAlchemyError

from app.db import session as db_session
from app.db.failures import refusal_of
from app.db.session import Database
from app.errors import Busy
from app.invariants import service as invariants_service
from app.invariants.checks import CHECKS
from app.parts import session_info
from app.settings import Settings
from tests.support.bank import BOOKS, STATE
from tests.support.bank_run import CLIENTS, Member, Run
from tests.support.newcomer import Caller, World, county_of
from tests.trust.rig import history
from tests.trust.rig.history import Call, History
from tests.trust.rig.patient import PATIENCE, Patient
from tests.trust.rig.replicas import Site, two_replicas

FRESH_SECONDS = 480.0  # of the 900 that an access token lasts
FORETOLD = 0.999
WHOLE_EVERY = 20


async def patiently(work: Callable[[], Awaitable[Any]]) -> Any:
    """Beside the API, for as long as a client of it would try. Each of these works may be done twice."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await work()
        except (SQLAlchemyError, OSError) as error:
            lost = isinstance(error, PendingRollbackError) or isinstance(refusal_of(error), Busy)
            if not lost or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


@dataclass
class Storm(Run):
    """Each look is at balances, lots, lines and caps; every WHOLE_EVERY-th at I1 to I12. One that finds no database is not one."""

    own: float = 1.0
    insist: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]] = field(default=patiently)
    blind: int = 0
    whole: int = 0

    async def look(self) -> list[str]:
        all_of_it, lost = self.looks % WHOLE_EVERY == 0, False
        try:
            found = await invariants_service.examine(self.database, checks=CHECKS if all_of_it else BOOKS)
        except* (SQLAlchemyError, OSError):
            found = []
            lost = True
        if lost or any(one.error for one in found):
            self.blind += 1
            self.looks -= 1
            return []
        self.whole += all_of_it
        return [f"{one.check.code} {one.check.means}: {one.sample}" for one in found if one.broken]

    async def until_heard(self, count: int, seconds: float = 900) -> None:
        async with asyncio.timeout(seconds):
            while len(self.told) < min(count, self.operations):  # noqa: ASYNC110 - a look at a counter, with a deadline around it
                await asyncio.sleep(0.02)


@dataclass
class Stage:
    """A site with a county in it, and the people's way to it."""

    site: Site
    world: World
    database: Database
    way: Patient
    history: Path

    def storm(self, operations: int, *, own: float = 1.0) -> Storm:
        return Storm(self.world, self.database, random.SystemRandom().randrange(10**6), operations, CLIENTS, own)

    def calls(self) -> list[Call]:
        return history.read(self.history)

    async def keep_fresh(self, run: Run) -> None:
        """New access tokens before the old ones end; the old ones hold while this happens."""
        while True:
            await asyncio.sleep(FRESH_SECONDS)
            staff = [self.world.admin, self.world.second_admin, *self.world.reviewers, *self.world.clerks, *run.makers]
            for caller in {id(one): one for one in (*staff, *(member.caller for member in run.members))}.values():
                await refresh(caller)

    async def run(self, storm: Storm, *faults: Awaitable[None]) -> None:
        """Whoever causes trouble begins with the clients, and ends before them or with them."""
        fresh = asyncio.create_task(self.keep_fresh(storm))
        troubles = [asyncio.ensure_future(fault) for fault in faults]
        try:
            await storm.go()
            await asyncio.gather(*troubles)
        finally:
            for task in (fresh, *troubles):
                task.cancel()


async def refresh(caller: Caller) -> None:
    """Under a key, although it needs none: a lost answer is asked for again, and within the grace the same successor comes back."""
    body = {"refresh_token": caller.tokens["refresh_token"]}
    answer = await caller.http.post("/api/v1/auth/refresh", json=body, headers={"Idempotency-Key": uuid4().hex})
    assert answer.status_code == 200, answer.text
    caller.tokens = {**caller.tokens, **answer.json()}


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    with two_replicas() as site:
        log = History(folder / "history.jsonl")
        way = Patient(lambda: site.urls, log)
        info = session_info(Settings(data_dir=site.data)) | {"actor": {"kind": "job"}}
        database = db_session.connect(site.first.database_url, info=info, pool_size=8, statement_timeout_ms=60_000)
        try:
            async with county_of(site.first, way) as world:
                yield Stage(site, world, database, way, log.path)
        finally:
            await database.close()
            log.close()


def told_right(member: Member, standing: tuple[int, int, int]) -> list[str]:
    """What the books say is the sum of what the clients heard, and what the model says where one client did it all."""
    available, held, debt = standing
    wrong = []
    if (available - debt, held) != (member.net, member.held):
        wrong.append(f"{member.caller.name}: {standing}, told {(member.net, member.held)}")
    if member.account is not None and standing != (member.account.available, member.account.held, member.account.debt):
        wrong.append(f"{member.caller.name}: {standing}, by the model {member.account}")
    return wrong


async def expect_all_there(stage: Stage, storm: Storm) -> None:
    """The checkers: the history against the final database, the sums, every invariant, and replies asked for again."""
    calls = stage.calls()
    missing = await history.missing(calls, stage.database)
    assert not missing, f"acknowledged, and not there: {len(missing)}, {missing[:5]}"
    assert (history.open_ended(calls), history.broken(calls)) == ([], [])
    placed = [order.id for member in storm.members for order in member.orders]
    assert await history.lost_rows(stage.database, "redemption", placed) == []
    async with stage.database.session() as session:
        rows = (await session.exec(STATE, params={"members": [member.caller.id for member in storm.members]})).all()
    standings = {str(row[0]): (row[1], row[2], row[3]) for row in rows}
    assert [wrong for member in storm.members for wrong in told_right(member, standings[member.caller.id])] == []
    assert await invariants_service.check_all(stage.database) == [] and storm.violations == []
    assert len(storm.told) == storm.operations
    assert 1 - len(storm.unexpected) / storm.operations >= FORETOLD, storm.unexpected
