"""Lots: the soonest to lapse pays first, an entry for each, back to where it came from; entries that say what their account came to."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import jobs, ledger, queries, service
from app.points.errors import InsufficientPoints
from app.points.models import Kind, LedgerAccount, PointsEntry, PointsLot, PointsTransaction
from tests.points.banked import Bank, bank, give, in_days
from tests.points.conftest import Cast
from tests.points.test_ledger import expect_balanced, shown

__all__ = ["bank"]
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
OWN = (LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.DEBT)


def order(cast: Cast, number: str = "D20261122-000001") -> dict[str, Any]:
    return {"member_id": cast.rider.id, "redemption_id": new_id(), "number": number}


async def entries(session: AsyncSession, member_id: UUID, kind: Kind | None = None) -> Sequence[Any]:
    """(entry, transaction) in the order in which they were written."""
    statement = (
        sa.select(PointsEntry, PointsTransaction)
        .join(PointsTransaction, col(PointsTransaction.id) == col(PointsEntry.transaction_id))
        .where(col(PointsTransaction.member_id) == member_id)
    )
    if kind is not None:
        statement = statement.where(col(PointsTransaction.kind) == kind)
    return (await session.exec(statement.order_by(col(PointsTransaction.account_version), col(PointsEntry.id)))).all()


async def moved(session: AsyncSession, member_id: UUID, kind: Kind) -> list[tuple[LedgerAccount, int, UUID | None]]:
    return [(entry.account, entry.amount, entry.lot_id) for entry, _ in await entries(session, member_id, kind)]


async def left(session: AsyncSession, *lines: UUID) -> list[tuple[int, date]]:
    """What the lots of these lines still hold, and until when."""
    found = await session.exec(
        sa.select(col(PointsLot.remaining), col(PointsLot.expires_on)).where(col(PointsLot.transaction_id).in_(lines))
        .order_by(col(PointsLot.transaction_id))
    )
    return [(row[0], row[1]) for row in found.all()]


async def lot_of(session: AsyncSession, line: UUID) -> UUID:
    return (await session.exec(sa.select(col(PointsLot.id)).where(col(PointsLot.transaction_id) == line))).scalar_one()


async def test_every_entry_says_what_its_account_came_to(session, cast: Cast, shops: list[UUID]) -> None:
    """Leg by leg, over every kind of line; the county's accounts have no balance, and old entries may say nothing."""
    rider, bought = cast.rider.id, order(cast)
    for points in (20, 30):
        await give(session, rider, points)
    await service.hold(session, amount=40, **bought)
    await service.capture(session, amount=40, actor_id=cast.admin.id, store_id=shops[0], month=OCTOBER, **bought)
    await ledger.lock(session, rider)
    await service.take_back(
        session, rider, 25, kind=Kind.ADJUST, reference=ledger.Reference("points_adjustment", new_id()), cause=ledger.Cause("adjusted")
    )
    await give(session, rider, 100)
    sums = dict.fromkeys(OWN, 0)
    written = await entries(session, rider)
    assert {entry.account for entry, _ in written} == {*OWN, LedgerAccount.ADJUSTMENT, LedgerAccount.REDEEMED}
    for entry, line in written:
        assert entry.account_version == line.account_version
        if entry.account in sums:
            sums[entry.account] += entry.amount
        assert entry.balance_after == sums.get(entry.account), (entry.account, line.kind)
    assert sums == {LedgerAccount.AVAILABLE: 85, LedgerAccount.HELD: 0, LedgerAccount.DEBT: 0}


async def test_the_soonest_to_lapse_pays_first_and_each_lot_has_its_entry(session, cast: Cast, shops: list[UUID]) -> None:
    rider, bought = cast.rider.id, order(cast)
    late, soon, later = [await give(session, rider, 10, lapses_on=in_days(days)) for days in (90, 10, 200)]
    lots = [await lot_of(session, line) for line in (soon, late)]
    await service.hold(session, amount=15, **bought)
    assert await left(session, late, soon, later) == [(5, in_days(90)), (0, in_days(10)), (10, in_days(200))]
    available, held, redeemed = LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.REDEEMED
    assert await moved(session, rider, Kind.HOLD) == [
        (available, -10, lots[0]), (held, 10, lots[0]), (available, -5, lots[1]), (held, 5, lots[1])
    ]
    at = {"actor_id": cast.admin.id, "store_id": shops[0], "month": NOVEMBER}
    await service.capture(session, amount=15, **bought, **at)
    assert await moved(session, rider, Kind.CAPTURE) == [(held, -10, lots[0]), (held, -5, lots[1]), (redeemed, 15, None)]
    await service.reverse_capture(session, amount=15, **bought, **at)
    assert await moved(session, rider, Kind.REVERSE) == [(redeemed, -15, None), (held, 10, lots[0]), (held, 5, lots[1])]
    await service.release(session, reason_code="redemption_cancelled", **bought)
    assert await left(session, late, soon, later) == [(10, in_days(90)), (10, in_days(10)), (10, in_days(200))]
    await expect_balanced(session)


async def test_only_what_was_held_comes_back_to_a_lot_that_lapsed(client, session, cast: Cast) -> None:
    """It has a week; the rest of its lot, which nobody held, lapses though the night's run has not come yet."""
    line = await give(session, cast.rider.id, 10)
    bought = order(cast)
    await service.hold(session, amount=4, **bought)
    await session.exec(sa.update(PointsLot).values(expires_on=in_days(-1)))
    await service.release(session, reason_code="redemption_expired", **bought)
    assert await left(session, line) == [(4, in_days(7))]
    assert await shown(client, cast) == (4, 0, 0)
    assert [amount for _, amount, _ in await moved(session, cast.rider.id, Kind.EXPIRE)] == [-6, 6]
    await expect_balanced(session)


async def test_a_lot_that_still_runs_keeps_its_last_day(session, cast: Cast) -> None:
    line = await give(session, cast.rider.id, 10, lapses_on=clock.today())
    bought = order(cast)
    await service.hold(session, amount=10, **bought)
    await service.release(session, reason_code="redemption_cancelled", **bought)
    assert await left(session, line) == [(10, clock.today())]


async def test_a_debt_takes_its_share_of_what_comes_back(client, session, cast: Cast) -> None:
    rider, bought = cast.rider.id, order(cast)
    lines = [await give(session, rider, 10, lapses_on=in_days(days)) for days in (10, 20)]
    await service.hold(session, amount=20, **bought)
    await ledger.lock(session, rider)
    await service.take_back(
        session, rider, 13, kind=Kind.ADJUST, reference=ledger.Reference("points_adjustment", new_id()), cause=ledger.Cause("adjusted")
    )
    assert await shown(client, cast) == (0, 20, 13)
    await service.release(session, reason_code="redemption_cancelled", **bought)
    assert await shown(client, cast) == (7, 0, 0)
    assert await left(session, *lines) == [(0, in_days(10)), (7, in_days(20))]
    await expect_balanced(session)


async def test_what_has_lapsed_pays_nothing(client, session, cast: Cast) -> None:
    """Before the night's run: neither a claw-back nor an order nor a settling takes it, it leaves as lapsed."""
    rider = cast.rider.id
    await give(session, rider, 10, lapses_on=in_days(-1))
    await give(session, rider, 10, lapses_on=in_days(-2))
    await give(session, rider, 10)
    with pytest.raises(InsufficientPoints) as refused:
        async with session.begin_nested():
            await service.hold(session, amount=11, **order(cast))
    assert refused.value.facts == {"available": 10, "needed": 11}
    await ledger.lock(session, rider)
    await service.take_back(
        session, rider, 15, kind=Kind.ADJUST, reference=ledger.Reference("points_adjustment", new_id()), cause=ledger.Cause("adjusted")
    )
    assert await shown(client, cast) == (0, 0, 5)
    numbers = [line.reference_number for _, line in await entries(session, rider, Kind.EXPIRE)]
    assert sorted(set(numbers)) == [in_days(-2).isoformat(), in_days(-1).isoformat()], "a line for each last day"
    await expect_balanced(session)


async def test_who_leaves_settles_what_still_runs(session, cast: Cast) -> None:
    await give(session, cast.rider.id, 10, lapses_on=in_days(-1))
    await give(session, cast.rider.id, 5)
    await service.forget(session, member_id=cast.rider.id)
    lines = (await session.exec(sa.select(PointsTransaction).order_by(col(PointsTransaction.id)))).scalars().all()
    assert [(line.kind, line.amount) for line in lines][2:] == [(Kind.EXPIRE, -10), (Kind.ADJUST, -5)]
    await expect_balanced(session)


async def test_what_is_redeemed_is_kept_by_store_and_month(session, cast: Cast, shops: list[UUID]) -> None:
    """An undo after the month's end takes it out of the month of the verification."""
    await give(session, cast.rider.id, 100)
    for number, (store_id, month) in enumerate([(shops[0], OCTOBER), (shops[0], OCTOBER), (shops[0], NOVEMBER), (shops[1], OCTOBER)]):
        bought = order(cast, f"D20261031-00000{number}")
        at = {"actor_id": cast.admin.id, "store_id": store_id, "month": month}
        await service.hold(session, amount=10, **bought)
        await service.capture(session, amount=10, **bought, **at)
        if number == 1:
            await service.reverse_capture(session, amount=10, **bought, **at)
    found = [await queries.redeemed(session, store_id=store, month=month) for store in shops for month in (OCTOBER, NOVEMBER)]
    assert found == [10, 10, 10, 0]
    await expect_balanced(session)


async def test_a_store_is_of_what_is_redeemed_alone(session, cast: Cast, shops: list[UUID]) -> None:
    """The database's own word, whatever the code says."""
    line, store = await give(session, cast.rider.id, 10), shops[0]
    for columns, values in (
        ("account, amount, store_id, month", "'issuance', 1, :store, '2026-10-01'"), ("account, amount, store_id", "'redeemed', 1, :store"),
        ("account, amount, store_id, month", "'redeemed', 1, :store, '2026-10-02'"),
        ("account, amount, balance_after, account_version", "'issuance', 1, 1, 1"),
        ("account, amount, member_id, balance_after, account_version", "'available', 1, :member, -1, 1"),
    ):
        with pytest.raises(sa.exc.IntegrityError, match="check constraint"):
            async with session.begin_nested():
                await session.exec(
                    sa.text(f"insert into points_entry (id, transaction_id, {columns}) values (:id, :line, {values})"),
                    params={"id": new_id(), "line": line} | {
                        name: value for name, value in (("store", store), ("member", cast.rider.id)) if f":{name}" in values
                    },
                )


async def test_the_hot_path_gains_no_statement(session, cast: Cast, shops: list[UUID], statements: list[str]) -> None:
    """However many lots pay: an order is three statements, its verification two."""
    bought = order(cast)
    for days in range(30):
        await give(session, cast.rider.id, 1, lapses_on=in_days(days))
    await session.flush()
    statements.clear()
    await service.hold(session, amount=30, **bought)
    assert len(statements) == 3, statements
    statements.clear()
    await service.capture(session, amount=30, actor_id=cast.admin.id, store_id=shops[0], month=OCTOBER, **bought)
    assert len(statements) == 2, statements


def lapsed_once(lines: list[tuple[Kind, int]], lapsed: int) -> None:
    assert lines == [(Kind.EXPIRE, -lapsed)], lines


@pytest.mark.parametrize("naive", [False, True])
async def test_two_workers_lapse_it_once(bank: Bank, monkeypatch: pytest.MonkeyPatch, naive: bool) -> None:
    """`naive` does not lock the balance before it looks at the lots: the database's own bounds stop one of the two, with an error."""
    riders = [await bank.member((10, in_days(-1)), (5, in_days(-1)), (7, in_days(30))) for _ in range(3)]
    if naive:
        _look_first(monkeypatch)
        with pytest.raises(ExceptionGroup, match="turn is lost"):
            await bank.twice_at_once(jobs.expire)
        monkeypatch.undo()
    for _ in range(2):
        await bank.twice_at_once(jobs.expire)
    for rider in riders:
        lapsed_once(await bank.lines(rider), 15)


def _look_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock, both have looked before either writes."""
    both, looking = asyncio.Barrier(2), ledger.open_lots

    async def look(session: AsyncSession, member_id: UUID) -> Any:
        found = await looking(session, member_id)
        await both.wait()
        return found

    async def no_lock(session: AsyncSession, member_id: UUID) -> None:
        return None

    monkeypatch.setattr(ledger, "open_lots", look)
    monkeypatch.setattr(ledger, "lock", no_lock)


async def test_one_whose_turn_fails_holds_up_no_other(session, cast: Cast, run_job, monkeypatch: pytest.MonkeyPatch) -> None:
    riders = sorted([cast.rider.id, cast.admin.id, cast.second.id])
    for rider in riders:
        await give(session, rider, 10, lapses_on=in_days(-1))
    lapsing = service.expire

    async def fails_for_the_first(session: AsyncSession, *, member_id: UUID, today: date) -> int:
        if member_id == riders[0]:
            raise RuntimeError("a row that cannot be changed")
        return await lapsing(session, member_id=member_id, today=today)

    monkeypatch.setattr(service, "expire", fails_for_the_first)
    with pytest.raises(ExceptionGroup):
        await run_job("points.expire")
    assert [(await queries.standing(session, member_id=rider)).available for rider in riders] == [10, 0, 0]
    monkeypatch.undo()
    await run_job("points.expire")
    assert (await queries.standing(session, member_id=riders[0])).available == 0


async def test_a_year_ends_on_the_last_of_march(session, cast: Cast) -> None:
    line = await give(session, cast.rider.id, 10)
    assert await left(session, line) == [(10, date(clock.today().year + 1, 3, 31))]
