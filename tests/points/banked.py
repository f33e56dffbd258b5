"""Members whose points are really committed, for what happens in two workers at once; everything of them is taken away at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.jobs.registry import Context
from app.messages.models import Message
from app.points import ledger, service
from app.points.models import Kind, PointsBalance, PointsEntry, PointsLot, PointsTransaction
from app.points.models_months import PointsLevel, PointsReminder
from app.settings import Settings
from tests.support.owner import as_owner
from tests.support.people import People

Job = Callable[[Context], Awaitable[None]]


async def give(session: AsyncSession, member_id: UUID, points: int, *, lapses_on: date | None = None) -> UUID:
    """Points out of nowhere, in a lot of their own; returns the line."""
    balance = await ledger.lock(session, member_id)
    line = await service.credit(
        session, member_id, balance, points, kind=Kind.ADJUST, reference=ledger.Reference("points_adjustment", new_id()),
        cause=ledger.Cause("adjusted"),
    )
    if lapses_on is not None:
        await session.exec(sa.update(PointsLot).where(col(PointsLot.transaction_id) == line).values(expires_on=lapses_on))
    return line


def in_days(days: int) -> date:
    return clock.today() + timedelta(days=days)


@dataclass
class Bank:
    database: Database
    settings: Settings
    members: list[UUID] = field(default_factory=list)

    async def member(self, *lots: tuple[int, date]) -> UUID:
        """Somebody with these points, each lot with its last day."""
        async with self.database.transaction() as session:
            made = (await People(session, self.settings).member()).id
            for points, last_day in lots:
                await give(session, made, points, lapses_on=last_day)
        self.members.append(made)
        return made

    async def twice_at_once(self, job: Job) -> None:
        """As two workers that run it at the same moment. Raises what either raises."""
        context = Context(self.database, None, None, self.settings)
        async with asyncio.timeout(30):
            await asyncio.gather(job(context), job(context))

    async def rows(self, statement: Any) -> Sequence[Any]:
        async with self.database.session() as session:
            return (await session.exec(statement)).all()

    async def inbox(self, member_id: UUID) -> list[str]:
        rows = await self.rows(sa.select(col(Message.body)).where(col(Message.member_id) == member_id).order_by(col(Message.id)))
        return [row[0] for row in rows]

    async def lines(self, member_id: UUID) -> list[tuple[Kind, int]]:
        """What happened to the points, without how they came."""
        rows = await self.rows(
            sa.select(col(PointsTransaction.kind), col(PointsTransaction.amount))
            .where(col(PointsTransaction.member_id) == member_id, col(PointsTransaction.reason_code) != "adjusted")
            .order_by(col(PointsTransaction.id))
        )
        return [(row[0], row[1]) for row in rows]


@pytest.fixture
async def bank(committed: Database, settings: Settings) -> AsyncIterator[Bank]:
    bank = Bank(committed, settings)
    yield bank
    lines = sa.select(col(PointsTransaction.id)).where(col(PointsTransaction.member_id).in_(bank.members))
    async with committed.transaction() as session, as_owner(session):
        await session.exec(sa.text("set local session_replication_role = replica"))
        await session.exec(sa.delete(PointsEntry).where(col(PointsEntry.transaction_id).in_(lines)))
        await session.exec(sa.delete(AuditEvent).where(AuditEvent.facts["member_id"].astext.in_(map(str, bank.members))))
        for table in (Message, PointsReminder, PointsLevel, PointsLot, PointsTransaction, PointsBalance):
            await session.exec(sa.delete(table).where(col(table.member_id).in_(bank.members)))
