"""A flash reward's last pieces: exactly as many are sold as there are, and none stays unsold because somebody had it in hand in vain.

Over both workers of the service; and, where the turns matter, on the test's own database with real commits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.rewards import stock
from app.rewards.errors import OutOfStock
from app.rewards.models import Reward, RewardKind, RewardSlot, RewardStock
from tests.races.judges import so_many_winners
from tests.races.shopping import Counter
from tests.support.volley import shot

SOME = 6


@pytest.mark.usefixtures("clean_books")
async def test_the_last_pieces_and_the_days_last_go_to_as_many(counter: Counter) -> None:
    """Twenty-four riders after seven pieces of one reward and the day's five of another; all come back when all orders are cancelled."""
    riders = await counter.riders(24)
    flash, daily = await counter.world.reward(stock=7, flash=True), await counter.world.reward(stock=50, stock_per_day=5)
    shots = [
        shot(rider, "/redemptions", {"reward_id": reward["id"]}, key=uuid4().hex) for reward in (flash, daily) for rider in riders
    ]
    answers = await counter.at_once(shots)
    for reward, winners, heard in ((flash, 7, answers[:24]), (daily, 5, answers[24:])):
        so_many_winners([answer.outcome for answer in heard], winners, "out_of_stock", left=await left(counter, reward))
    assert {answer.json.get("period") for answer in answers[24:] if answer.status == 409} == {"day"}
    placed = [(rider, answer.json["id"]) for rider, answer in zip(riders * 2, answers, strict=True) if answer.status == 201]
    ended = await counter.at_once([shot(rider, f"/redemptions/{order}/cancel", {}, key=uuid4().hex) for rider, order in placed])
    assert {answer.status for answer in ended} == {200}
    assert (await left(counter, flash), await left(counter, daily)) == (7, 5)


async def left(counter: Counter, reward: dict[str, Any]) -> int:
    shown = await counter.world.admin.sees(f"/rewards/{reward['id']}")
    return int(shown["stock_left"] if shown["flash"] else shown["stock_left_today"])


@dataclass
class Shelf:
    """A flash reward that is really committed. Its orders are no rows: the pieces' foreign key is off meanwhile."""

    database: Database
    reward: Reward

    async def free(self, *, locked: bool = True) -> int:
        """`locked`: those that somebody has in hand count too."""
        skip = "" if locked else "for update skip locked"
        statement = f"select slot from reward_slot where reward_id = :id and redemption_id is null {skip}"
        async with self.database.session() as session:
            return len((await session.exec(sa.text(statement), params={"id": self.reward.id})).all())

    async def frees(self, pieces: int) -> None:
        """Waits until so many are in nobody's hands."""
        async with asyncio.timeout(5):
            while await self.free(locked=False) < pieces:
                pass

    async def buy(self, quantity: int, *, then: asyncio.Event | None = None, fails: bool = False, has: asyncio.Event | None = None) -> bool:
        """Takes pieces, waits for `then`, and commits, or fails after all. False: out of stock."""
        async with self.database.session() as session:
            with suppress(OutOfStock):
                await stock.take(session, reward=self.reward, counted=True, redemption_id=new_id(), quantity=quantity, day=None)
                if has is not None:
                    has.set()
                if then is not None:
                    await then.wait()
                await (session.rollback() if fails else session.commit())
                return not fails
            return False

    async def held(self, quantity: int, *, fails: bool) -> "tuple[asyncio.Task[bool], asyncio.Event]":
        """An order that has its pieces in hand until the event is set."""
        then, has = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self.buy(quantity, then=then, fails=fails, has=has))
        await has.wait()
        return task, then


@pytest.fixture
async def shelf(committed: Database) -> AsyncIterator[Shelf]:
    reward = Reward(name="抢购", kind=RewardKind.GOODS, points=1, valid_days=1, settlement_cents=0, flash=True)
    foreign = "alter table reward_slot {} constraint fk_reward_slot_redemption_id_redemption"
    async with committed.transaction() as session:
        await _as_owner(session, foreign.format("drop"))
        session.add(reward)
        await session.flush()
        session.add(RewardStock(reward_id=reward.id, stock_left=0))
        session.add_all(RewardSlot(reward_id=reward.id, slot=slot) for slot in range(1, SOME + 1))
    yield Shelf(committed, reward)
    async with committed.transaction() as session:
        for table, column in (("reward_slot", "reward_id"), ("reward_stock", "reward_id"), ("reward", "id")):
            await session.exec(sa.text(f"delete from {table} where {column} = :id"), params={"id": reward.id})
        await _as_owner(session, foreign.format("add") + " foreign key (redemption_id) references redemption (id)")


async def _as_owner(session: AsyncSession, statement: str) -> None:
    await session.exec(sa.text("set local role none"))
    await session.exec(sa.text(statement))
    await session.exec(sa.text("set local role xinxin_service"))


async def in_vain(shelf: Shelf, quantity: int) -> tuple[bool, int]:
    """All pieces are in the hands of an order that fails; meanwhile another wants some: did it get them, and how many are free then?"""
    first, fail = await shelf.held(SOME, fails=True)
    second = asyncio.create_task(shelf.buy(quantity))
    await _until_waiting(shelf, [second])
    fail.set()
    await first
    return await second, await shelf.free()


async def _until_waiting(shelf: Shelf, tasks: "list[asyncio.Task[bool]]") -> None:
    """All of them wait for a lock by now, or have given up already."""
    statement = sa.text(
        "select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()"
    )
    async with asyncio.timeout(5):
        waiting = -1
        while waiting < sum(not task.done() for task in tasks):
            async with shelf.database.session() as session:
                waiting = int((await session.exec(statement)).scalar_one())


@pytest.mark.parametrize("quantity", [1, 3])
async def test_what_was_in_hand_in_vain_is_sold_after_all(shelf: Shelf, quantity: int) -> None:
    assert await in_vain(shelf, quantity) == (True, SOME - quantity)


async def test_who_only_skips_is_sent_away_from_a_full_shelf(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: the second look skips what is locked too."""
    monkeypatch.setattr(stock, "AWAIT_SLOTS", stock.TAKE_SLOTS)
    assert await in_vain(shelf, 1) == (False, SOME)


async def crossing(shelf: Shelf) -> None:
    """Four pieces are being sold. Of the last two each comes back when another order looks: who lacks one has one in hand."""
    (sold, sell), (_, give_fifth), (_, give_sixth) = [
        await shelf.held(quantity, fails=fails) for quantity, fails in ((4, False), (1, True), (1, True))
    ]
    others = []
    for give in (give_fifth, give_sixth):
        give.set()
        await shelf.frees(1)
        others.append(asyncio.create_task(shelf.buy(2)))
        await _until_waiting(shelf, others)
    sell.set()
    assert await sold and sorted(await asyncio.gather(*others)) == [False, True]
    assert await shelf.free() == 0


async def test_nobody_waits_in_a_circle(shelf: Shelf) -> None:
    await crossing(shelf)


@asynccontextmanager
async def _keeping_what_it_has(_session: AsyncSession) -> AsyncIterator[Any]:
    yield AsyncMock()


async def test_who_waits_with_pieces_in_hand_waits_in_a_circle(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: what the first look found is not put back before the second."""
    monkeypatch.setattr(AsyncSession, "begin_nested", _keeping_what_it_has)
    with pytest.raises(DBAPIError, match="deadlock detected"):
        await crossing(shelf)
