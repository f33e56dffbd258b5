"""Levels: they rise at once, fall one step at a month's beginning at most, are written once, and are told once."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.messages.models import Message
from app.points import jobs, ledger, queries, queries_levels, service, workflow
from app.points.models import Kind, PointsTransaction
from app.points.models_months import PointsLevel
from app.points.service import levels
from tests.points.banked import Bank, bank
from tests.points.conftest import Cast

__all__ = ["bank"]
MONTH = clock.month_start(clock.today())
LEVELS = "points.levels"


def before(months: int, month: date = MONTH) -> date:
    """The first day so many months earlier."""
    for _ in range(months):
        month = clock.month_start(month - timedelta(days=1))
    return month


async def earned(session: AsyncSession, member_id: UUID, points: int, month: date, *, kind: Kind = Kind.EARN) -> None:
    """A line of the second day of a month, as if it had been written then."""
    balance = await ledger.lock(session, member_id)
    lines = sa.select(sa.func.count()).select_from(PointsTransaction).where(col(PointsTransaction.member_id) == member_id)
    version = (await session.exec(lines)).scalar_one() + 1
    session.add(
        PointsTransaction(
            member_id=member_id, kind=kind, amount=points, balance_after=balance.available, account_version=version, reason_code="test",
            reference_type="test", reference_id=new_id(), created_at=clock.day_start(month + timedelta(days=1)),
        )
    )
    await session.flush()


async def stored(session: AsyncSession, member_id: UUID) -> list[tuple[date, int]]:
    found = await session.exec(
        sa.select(col(PointsLevel.month), col(PointsLevel.level)).where(col(PointsLevel.member_id) == member_id)
        .order_by(col(PointsLevel.month))
    )
    return [(row[0], row[1]) for row in found.all()]


async def had(session: AsyncSession, member_id: UUID, level: int, month: date) -> None:
    await ledger.lock(session, member_id)
    session.add(PointsLevel(member_id=member_id, month=month, level=level, earned=0))
    await session.flush()


async def told(session: AsyncSession, member_id: UUID) -> list[str]:
    rows = await session.exec(sa.select(col(Message.title)).where(col(Message.member_id) == member_id).order_by(col(Message.id)))
    return list(rows.scalars())


async def seen(client: httpx.AsyncClient, cast: Cast) -> int:
    """The same in both places."""
    points = (await client.get("/api/v1/points/me", headers=cast.rider.headers)).json()
    profile = (await client.get("/api/v1/members/me", headers=cast.rider.headers)).json()
    assert points["level"] == profile["level"]
    return int(points["level"])


@pytest.mark.parametrize(("points", "level"), [
    (0, 1), (199, 1), (200, 2), (599, 2), (600, 3), (1_499, 3), (1_500, 4), (2_999, 4), (3_000, 5),
])
def test_the_steps(points: int, level: int) -> None:
    assert workflow.level(points) == level


async def test_it_rises_at_once(client, session, cast: Cast) -> None:
    assert await seen(client, cast) == 1
    await had(session, cast.rider.id, 1, MONTH)
    await earned(session, cast.rider.id, 600, MONTH)
    assert await seen(client, cast) == 3
    await earned(session, cast.rider.id, -450, MONTH, kind=Kind.REVERSE)
    assert await seen(client, cast) == 1, "what was clawed back was never earned"


async def test_it_falls_one_step_a_month(client, session, cast: Cast, run_job) -> None:
    await had(session, cast.rider.id, 4, before(1))
    assert await seen(client, cast) == 3, "before the night's run too"
    for _ in range(2):
        await run_job(LEVELS)
    assert (await stored(session, cast.rider.id), await seen(client, cast)) == ([(before(1), 4), (MONTH, 3)], 3)
    assert await told(session, cast.rider.id) == ["积分等级调整"]


async def test_what_was_reached_within_the_month_falls_one_step_too(session, cast: Cast) -> None:
    """Stored 3, risen to 4 by the last points that counted until then: it goes on with 3, not with 2."""
    month = date(2026, 6, 1)
    await had(session, cast.rider.id, 3, before(1, month))
    await earned(session, cast.rider.id, 1_400, date(2025, 5, 1))
    await earned(session, cast.rider.id, 100, date(2026, 5, 1))
    await service.begin_month(session, member_ids=[cast.rider.id], month=month)
    assert await stored(session, cast.rider.id) == [(date(2026, 5, 1), 3), (month, 3)]
    assert await told(session, cast.rider.id) == ["积分等级调整"], "4 was shown"


async def test_a_rise_is_told_at_the_turn_of_the_month(session, cast: Cast, run_job) -> None:
    await had(session, cast.rider.id, 1, before(1))
    await earned(session, cast.rider.id, 200, before(1))
    for _ in range(2):
        await run_job(LEVELS)
    assert await told(session, cast.rider.id) == ["积分等级上升"]
    assert await stored(session, cast.rider.id) == [(before(1), 1), (MONTH, 2)]


async def test_what_comes_in_a_month_is_not_of_its_beginning(session, cast: Cast, run_job) -> None:
    """However late the run is, it writes what the month began with."""
    await earned(session, cast.rider.id, 3_000, MONTH)
    await run_job(LEVELS)
    assert await stored(session, cast.rider.id) == [(MONTH, 1)]
    assert await told(session, cast.rider.id) == []


async def test_the_first_level_of_all_is_no_news(session, cast: Cast, run_job) -> None:
    await earned(session, cast.rider.id, 700, before(2))
    await run_job(LEVELS)
    assert (await stored(session, cast.rider.id), await told(session, cast.rider.id)) == ([(MONTH, 3)], [])


async def test_months_without_a_run_fall_like_others(client, session, cast: Cast, run_job) -> None:
    await had(session, cast.rider.id, 5, before(3))
    assert await seen(client, cast) == 2
    await run_job(LEVELS)
    assert await stored(session, cast.rider.id) == [(before(3), 5), (MONTH, 2)]


async def test_twelve_months_are_whole_months(session, cast: Cast) -> None:
    """At a month's beginning the same month of a year ago still counts, the one before it does not any more."""
    await earned(session, cast.rider.id, 200, before(12))
    await earned(session, cast.rider.id, 400, before(13))
    await ledger.lock(session, cast.rider.id)
    [turn] = await queries_levels.turns(session, member_ids=[cast.rider.id], month=MONTH)
    assert (turn.earned, turn.reached, turn.level, turn.stored) == (200, 3, 2, None)


async def test_one_who_left_has_no_level_and_gets_none(session, cast: Cast, run_job) -> None:
    await had(session, cast.rider.id, 4, before(1))
    assert "'level': 4" in str(await queries.export(session, member_id=cast.rider.id))
    await service.forget(session, member_id=cast.rider.id)
    await session.exec(sa.text("update account set status = 'erased' where id = :id"), params={"id": cast.rider.id})
    assert await service.begin_month(session, member_ids=[cast.rider.id], month=MONTH) == 0
    await run_job(LEVELS)
    assert (await stored(session, cast.rider.id), await told(session, cast.rider.id)) == ([], [])


async def test_a_batch_costs_the_same_for_one_and_for_many(session, people, statements: list[str]) -> None:
    members = [(await people.member()).id for _ in range(20)]
    for member in members:
        await ledger.lock(session, member)
    costs = []
    for batch in (members[:1], members[1:]):
        statements.clear()
        assert await service.begin_month(session, member_ids=batch, month=MONTH) == len(batch)
        costs.append(len(statements))
    assert costs == [3, 3]


@given(st.lists(st.integers(0, 1_500), max_size=40))
def test_it_never_falls_more_than_a_step_nor_within_a_month(months: Sequence[int]) -> None:
    """Month by month: the level that is shown when it begins and when it ends."""

    def counted(first: int, after: int) -> int:
        return workflow.level(sum(months[max(0, first) : after]))

    level, shown = 1, 1
    for month in range(len(months)):
        reached = max(counted(month - 13, month), level)
        assert reached == shown
        level = workflow.level_of_month(sum(months[max(0, month - 12) : month]), reached)
        assert max(shown - 1, counted(month - 12, month)) <= level <= max(shown, 1)
        shown = max(counted(month - 12, month + 1), level)
        assert shown >= level


def written_once(messages: Sequence[Any], rows: Sequence[Any]) -> None:
    assert (len(messages), len(rows)) == (1, 1), (messages, rows)


@pytest.mark.parametrize("naive", [False, True])
async def test_two_workers_write_and_tell_it_once(bank: Bank, monkeypatch: pytest.MonkeyPatch, naive: bool) -> None:
    """`naive` tells before its row has decided who tells: both say it."""
    rider = await bank.member()
    async with bank.database.transaction() as session:
        await had(session, rider, 4, before(1))
    if naive:
        monkeypatch.setattr(service, "begin_month", _tell_without_claim())
    await bank.twice_at_once(jobs.levels)
    await bank.twice_at_once(jobs.levels)
    rows = await bank.rows(sa.select(PointsLevel).where(col(PointsLevel.member_id) == rider, col(PointsLevel.month) == MONTH))
    messages = await bank.inbox(rider)
    if naive:
        with pytest.raises(AssertionError):
            written_once(messages, rows)
    else:
        written_once(messages, rows)


def _tell_without_claim() -> Any:
    both = asyncio.Barrier(2)

    async def begin(session: AsyncSession, *, member_ids: Sequence[UUID], month: date) -> None:
        turns = await queries_levels.turns(session, member_ids=member_ids, month=month)
        await both.wait()
        for turn in turns:
            await levels._tell(session, turn)
        rows = [{"member_id": turn.member_id, "month": month, "level": turn.level, "earned": turn.earned} for turn in turns]
        await session.exec(insert(PointsLevel).values(rows).on_conflict_do_nothing())

    return begin


def nothing_left(rows: Sequence[Any]) -> None:
    assert list(rows) == []


@pytest.mark.parametrize("naive", [False, True])
async def test_who_leaves_meanwhile_keeps_no_level(bank: Bank, monkeypatch: pytest.MonkeyPatch, naive: bool) -> None:
    """The erasure waits for the batch that has begun, and takes its row too. `naive` does not keep the balances still."""
    rider = await bank.member()
    async with bank.database.transaction() as session:
        await ledger.lock(session, rider)
    leaving: list[asyncio.Task[None]] = []
    reading = queries_levels.turns

    async def leave() -> None:
        async with bank.database.transaction() as session:
            await service.forget(session, member_id=rider)
            await session.exec(sa.text("update account set status = 'erased' where id = :id"), params={"id": rider})

    async def read_while_one_leaves(session: AsyncSession, **facts: Any) -> Any:
        turns = await reading(session, **facts)
        leaving.append(asyncio.create_task(leave()))
        await asyncio.wait(leaving, timeout=None if naive else 0.3)
        return turns

    async def keep_nothing(session: AsyncSession, member_ids: Sequence[UUID]) -> None:
        return None

    monkeypatch.setattr(queries_levels, "turns", read_while_one_leaves)
    if naive:
        monkeypatch.setattr(ledger, "keep", keep_nothing)
    async with bank.database.transaction() as session:
        await service.begin_month(session, member_ids=[rider], month=MONTH)
    await asyncio.gather(*leaving)
    rows = await bank.rows(sa.select(PointsLevel).where(col(PointsLevel.member_id) == rider))
    if naive:
        with pytest.raises(AssertionError):
            nothing_left(rows)
    else:
        nothing_left(rows)
