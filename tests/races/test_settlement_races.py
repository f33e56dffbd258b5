"""The first minutes of a month: undos of the last half hour and the closing of the month meet, and either way the store is paid right.

No clock can be turned here. So the verifications are put at the end of last month as they are made, and the undos, which run in this
process against the service's own database, are allowed for longer than half an hour. The closings come over HTTP, to both API processes.
"""

import asyncio
from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.auth.principal import AccountKind, AccountStatus, Grant, Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import AppError
from app.redemptions import till, undoing, workflow
from app.stores import queries as stores_queries
from tests.races.judges import one_winner
from tests.races.naive import CONTENDERS, scratch
from tests.races.shopping import AREA, Counter
from tests.support.bank import insisting
from tests.support.owner import as_owner
from tests.support.service import Service
from tests.support.volley import shot

MONTH = clock.month_start(clock.today()) - timedelta(days=1)
USED, CLOSINGS, TRIES = 6, 20, 4
books = pytest.mark.usefixtures("clean_books")
# Of each verification of a store: was it undone, and is it paid. What the settlement says, and what its lines come to.
PAID = """
select u.verification_id is not null as undone, l.verification_id is not null as lined
  from verification v left join verification_undo u on u.verification_id = v.id left join settlement_line l on l.verification_id = v.id
 where v.store_id = :id"""
TOTALS = """
select s.lines, s.total_cents, (select count(*) from settlement_line l where l.settlement_id = s.id),
       (select coalesce(sum(l.cents), 0) from settlement_line l where l.settlement_id = s.id)
       + (select coalesce(sum(c.cents), 0) from settlement_correction c where c.settlement_id = s.id)
  from settlement s where s.store_id = :id"""


@dataclass(frozen=True)
class MonthEnd:
    """A store, its clerk, and the orders that were verified there ten minutes before the month was over."""

    counter: Counter
    store_id: UUID
    clerk: Principal
    orders: list[UUID]

    async def undo(self, redemption_id: UUID) -> str:
        async def once() -> str:
            try:
                async with self.counter.database.transaction() as session:
                    await undoing.undo(session, principal=self.clerk, redemption_id=redemption_id, reason="拿错商品")
            except AppError as refusal:
                return refusal.code
            return "ok"

        return await insisting(once)

    @property
    def path(self) -> str:
        return f"/stores/{self.store_id}/settlements/{MONTH:%Y-%m}"

    async def closings(self, count: int, approvals: Sequence[str] = ()) -> list[str]:
        """What each closing heard; corrections are approved by another administrator at the same time."""
        first, second = self.counter.world.admin, self.counter.world.second_admin
        shots = [shot(first, f"{self.path}/close", {}, key=uuid4().hex) for _ in range(count)]
        shots += [shot(second, f"{self.path}/corrections/{one}/approve", {}, key=uuid4().hex) for one in approvals]
        answers = await self.counter.at_once(shots)
        assert all(answer.outcome == "ok" for answer in answers[count:])
        return [answer.outcome for answer in answers[:count]]

    async def rows(self, session: AsyncSession, statement: str) -> list[Any]:
        return list((await session.exec(sa.text(statement), params={"id": self.store_id})).all())


def paid_or_undone(rows: Sequence[Any], totals: Sequence[Any]) -> None:
    """Each verification is either, never both and never neither, and the month comes to what its lines do."""
    assert all(undone != lined for undone, lined in rows), Counted(tuple(row) for row in rows)
    ((lines, cents, lined, lined_cents),) = totals
    assert (lines, cents) == (lined, lined_cents) and lines == sum(row[1] for row in rows)


@pytest.fixture
async def month_end(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> MonthEnd:
    store_id = UUID(await counter.store())
    (clerk,), rider = await counter.clerks(1, str(store_id)), await counter.rider()
    grant = Grant(uuid4(), Role.STORE_CLERK, ScopeType.STORE, store_id, AREA)
    principal = Principal(
        UUID(clerk.id), uuid4(), AccountKind.WECHAT, AccountStatus.ACTIVE, (grant,), frozenset({"service"}), has_phone=True,
        stepped_up=False,
    )
    orders = await counter.orders(rider, USED, store_ids=[str(store_id)])
    with monkeypatch.context() as patched:
        patched.setattr(till, "_use", _used_last_month(till._use))
        for order in orders:
            async with counter.database.transaction() as session:
                await till.verify(session, principal=principal, store_id=store_id, code=order["code"], token=None)
    monkeypatch.setattr(workflow, "UNDO_FOR", timedelta(days=40))
    return MonthEnd(counter, store_id, principal, [UUID(order["id"]) for order in orders])


def _used_last_month(use: Callable[..., Awaitable[datetime | None]]) -> Callable[..., Awaitable[datetime | None]]:
    """The verification as it would have been written ten minutes before the month was over, before the ledger hears of its month."""

    async def moved(session: AsyncSession, *told: Any) -> datetime | None:
        assert await use(session, *told) is not None
        at = clock.day_start(MONTH + timedelta(days=1)) - timedelta(minutes=10)
        async with as_owner(session):
            await session.exec(sa.text("set local session_replication_role = replica"))
            await session.exec(sa.text("update verification set verified_at = :at where id = :id"), params={"at": at, "id": told[-1]})
            await session.exec(sa.text("set local session_replication_role = origin"))
        return at

    return moved


@books
async def test_a_month_is_closed_once_and_undo_or_closing_wins(month_end: MonthEnd) -> None:
    admin, ask = month_end.counter.world.admin, {"cents": 30, "reason": "上月少结"}
    corrections = [(await admin.does("POST", f"{month_end.path}/corrections", ask))["id"] for _ in range(3)]
    undos = [month_end.undo(order) for order in month_end.orders for _ in range(TRIES)]
    heard, *said = await asyncio.gather(month_end.closings(CLOSINGS, corrections), *undos)
    one_winner(heard, "invalid_transition")
    assert set(said) <= {"ok", "already_undone", "undo_too_late"}, Counted(said)
    async with month_end.counter.database.transaction() as session:
        rows, totals = await month_end.rows(session, PAID), await month_end.rows(session, TOTALS)
    paid_or_undone(rows, totals)
    assert said.count("ok") == sum(undone for undone, _ in rows)
    month = await admin.sees(month_end.path)
    assert month["intact"] and month["count"] == totals[0][0]
    # A correction is in this month, or waits in the next: approved before the closing, or after it.
    following = await admin.sees(f"/stores/{month_end.store_id}/settlements/{clock.today():%Y-%m}")
    both = [one["id"] for shown in (month, following) for one in shown["corrections"] if one["included"]]
    assert sorted(both) == sorted(corrections)


@books
async def test_an_undo_that_looked_without_the_stores_row_is_caught(month_end: MonthEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: it saw an open month, the closing took the line, and it went on. Nothing of it is committed."""

    async def unheld(session: AsyncSession, store_id: UUID, *, shared: bool = False) -> Any:
        return await stores_queries.get(session, store_id)

    monkeypatch.setattr(undoing.stores_queries, "lock", unheld)
    with pytest.raises(AssertionError):
        async with month_end.counter.database.transaction() as session:
            await undoing.undo(session, principal=month_end.clerk, redemption_id=month_end.orders[0], reason="拿错商品")
            assert await month_end.closings(2) in (["ok", "invalid_transition"], ["invalid_transition", "ok"])
            paid_or_undone(await month_end.rows(session, PAID), await month_end.rows(session, TOTALS))


async def test_naive_closing_closes_for_each(service: Service) -> None:
    async with scratch(service.database_url, "month text", "'2026-09'") as table:
        heard = await table.race(
            "select count(*) from {table} where month = '2026-10'", may=lambda seen: seen == 0,
            writes=["insert into {table} values ('2026-10')"], loser="invalid_transition",
        )
        assert await table.value("select count(*) from {table} where month = '2026-10'") == CONTENDERS
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")
