"""What a member has, and where it comes from; whose points lapse."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.points import ledger, queries_conditions, queries_judgements, queries_levels, workflow
from app.points.models import (
    LEFT,
    Kind,
    LedgerAccount,
    PointsBalance,
    PointsEntry,
    PointsLot,
    PointsText,
    PointsTransaction,
)
from app.points.models_months import PointsLevel, PointsReminder
from app.points.workflow import Lot


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's points as the member sees them."""

    available: int
    held: int
    debt: int
    earned_12_months: int
    level: int
    expiring: list[dict[str, Any]]
    earning_stop: dict[str, Any] | None


async def is_erased(session: AsyncSession, *, member_id: UUID) -> bool:
    """Ask with the balance row locked: an erasure that has it makes the caller wait, and is seen then."""
    found = await session.exec(
        sa.select(sa.literal(1)).where(col(Account.id) == member_id, col(Account.status) == AccountStatus.ERASED)
    )
    return found.first() is not None


async def held_lots(session: AsyncSession, *, redemption_id: UUID) -> list[tuple[Lot, int]]:
    """The lots that the hold of an order came from and what it took of each, soonest to expire first."""
    rows = await session.exec(
        sa.select(
            col(PointsLot.id), col(PointsLot.remaining), col(PointsLot.expires_on), col(PointsLot.expires_on) < ledger.TODAY,
            col(PointsEntry.amount),
        )
        .join(PointsEntry, col(PointsEntry.lot_id) == col(PointsLot.id))
        .join(PointsTransaction, col(PointsTransaction.id) == col(PointsEntry.transaction_id))
        .where(
            col(PointsTransaction.reference_type) == "redemption", col(PointsTransaction.reference_id) == redemption_id,
            col(PointsTransaction.kind) == Kind.HOLD, col(PointsEntry.account) == LedgerAccount.HELD,
        )
        .order_by(col(PointsLot.expires_on), col(PointsLot.id))
    )
    return [(Lot(*row[:4]), row[4]) for row in rows.all()]


async def redeemed(session: AsyncSession, *, store_id: UUID, month: date) -> int:
    """Points that were spent at a store in a local month (its first day), less what was undone. Summed: no row of a store is hot."""
    found = await session.exec(
        sa.select(sa.func.coalesce(sa.func.sum(PointsEntry.amount), 0)).where(
            col(PointsEntry.store_id) == store_id, col(PointsEntry.month) == month
        )
    )
    return int(found.scalar_one())


async def today(session: AsyncSession) -> date:
    """The local day by the database's clock."""
    day: date = (await session.exec(sa.select(ledger.TODAY))).scalar_one()
    return day


async def level(session: AsyncSession, *, member_id: UUID) -> int:
    """1 to 5, as it is shown."""
    return (await queries_levels.year(session, member_id=member_id)).level


async def standing(session: AsyncSession, *, member_id: UUID) -> Standing:
    row = await _standing(clock.today()).first(session, member_id=member_id, year_ago=queries_levels.year_ago())
    assert row is not None
    year, until = queries_levels.read(row["year"]), row["stopped_until"]
    return Standing(
        available=row["available"], held=row["held"], debt=row["debt"], earned_12_months=year.earned, level=year.level,
        expiring=[{"amount": amount, "on": date.fromisoformat(on)} for on, amount in row["lots"] or ()],
        earning_stop={"until": until} if until else None,
    )


@lru_cache(maxsize=2)
def _standing(today: date) -> Prepared:
    """One row, also for a member who never had any points."""
    member_id = sa.bindparam("member_id", type_=sa.Uuid)
    year_ago = sa.bindparam("year_ago", type_=sa.DateTime(timezone=True))
    lots = (
        sa.select(col(PointsLot.expires_on), sa.func.sum(PointsLot.remaining).label("amount"))
        .where(col(PointsLot.member_id) == member_id, LEFT)
        .group_by(col(PointsLot.expires_on))
        .subquery()
    )
    by_day = sa.func.jsonb_agg(
        aggregate_order_by(sa.func.jsonb_build_array(lots.c.expires_on, lots.c.amount), lots.c.expires_on), type_=JSONB
    )
    member = sa.select(member_id.label("id")).subquery()
    return Prepared(
        sa.select(
            sa.func.coalesce(PointsBalance.available, 0).label("available"), sa.func.coalesce(PointsBalance.held, 0).label("held"),
            sa.func.coalesce(PointsBalance.debt, 0).label("debt"),
            queries_conditions.stopped_until(member_id).label("stopped_until"), sa.select(by_day).scalar_subquery().label("lots"),
            queries_levels.of_member(member_id, today=today, year_ago=year_ago).label("year"),
        ).select_from(member.outerjoin(PointsBalance, col(PointsBalance.member_id) == member.c.id))
    )


async def members_with_lapsed(session: AsyncSession, *, today: date, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Members who have points whose last day is over, in the order of their ids."""
    return await _holders(session, col(PointsLot.expires_on) < today, after, limit)


async def members_to_remind(session: AsyncSession, *, today: date, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Members who have points that lapse soon and have not heard it at the nearest stage, in the order of their ids."""
    on = col(PointsLot.expires_on)
    stage = sa.case(*((on - today <= days, days) for days in sorted(workflow.REMINDER_DAYS)))
    told = sa.exists().where(
        col(PointsReminder.member_id) == col(PointsLot.member_id), col(PointsReminder.lapses_on) == on,
        col(PointsReminder.stage) == stage,
    )
    soon = sa.between(on, today, today + timedelta(days=max(workflow.REMINDER_DAYS)))
    return await _holders(session, sa.and_(soon, sa.not_(told)), after, limit)


async def _holders(session: AsyncSession, due: sa.ColumnElement[bool], after: UUID | None, limit: int) -> Sequence[UUID]:
    statement = sa.select(col(PointsLot.member_id)).where(LEFT, due).distinct()
    if after is not None:
        statement = statement.where(col(PointsLot.member_id) > after)
    found = await session.exec(statement.order_by(col(PointsLot.member_id)).limit(limit))
    return found.scalars().all()


async def lapsing_between(
    session: AsyncSession, *, member_ids: Collection[UUID], first: date, last: date
) -> dict[tuple[UUID, date], int]:
    """(member, last day) → points, of what can last be spent on one of these days."""
    found = await session.exec(
        sa.select(col(PointsLot.member_id), col(PointsLot.expires_on), sa.func.sum(PointsLot.remaining))
        .where(
            col(PointsLot.member_id).in_(member_ids), LEFT, sa.between(col(PointsLot.expires_on), first, last)
        )
        .group_by(col(PointsLot.member_id), col(PointsLot.expires_on))
    )
    return {(row[0], row[1]): int(row[2]) for row in found.all()}


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """Every line of a person's ledger, what was written about them, their levels and reminders, for the copy of one's data."""
    found = await session.exec(
        sa.select(PointsTransaction).where(col(PointsTransaction.member_id) == member_id).order_by(col(PointsTransaction.id))
    )
    texts = await session.exec(sa.select(col(PointsText.text)).where(col(PointsText.member_id) == member_id))
    levels = await session.exec(
        sa.select(PointsLevel).where(col(PointsLevel.member_id) == member_id).order_by(col(PointsLevel.month))
    )
    reminders = await session.exec(
        sa.select(PointsReminder).where(col(PointsReminder.member_id) == member_id).order_by(col(PointsReminder.lapses_on))
    )
    return {
        "entries": [
            {
                "kind": line.kind.value, "amount": line.amount, "held": line.held, "balance_after": line.balance_after,
                "rule": line.rule_code, "reference": line.reference_number, "at": line.created_at.isoformat(),
            }
            for line in found.scalars().all()
        ],
        "texts": [text for text in texts.scalars().all() if text],
        "levels": [{"month": f"{row.month:%Y-%m}", "level": row.level, "earned": row.earned} for row in levels.scalars().all()],
        "reminders": [
            {"lapses_on": row.lapses_on.isoformat(), "days_before": row.stage, "at": row.created_at.isoformat()}
            for row in reminders.scalars().all()
        ],
    } | await queries_judgements.copy(session, member_id=member_id)
