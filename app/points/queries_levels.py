"""What twelve months brought, and the level that goes with it: it rises at once and falls one step at a month's beginning at most.

Within a month it only rises, so what counts reaches from the same month a year ago until now; `earned` is of the last 365 days.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.points import workflow
from app.points.models import Kind, PointsBalance, PointsTransaction
from app.points.models_months import PointsLevel

made_at, amount = col(PointsTransaction.created_at), col(PointsTransaction.amount)
# What was earned, less what was clawed back of it.
EARNED = sa.or_(
    col(PointsTransaction.kind) == Kind.EARN, sa.and_(col(PointsTransaction.kind) == Kind.REVERSE, amount < 0)
)


@dataclass(frozen=True, slots=True)
class Year:
    earned: int
    level: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A member when a month begins: the level stored last (None: never any), what was reached until then, and what the year earned."""

    member_id: UUID
    earned: int
    reached: int
    stored: int | None

    @property
    def level(self) -> int:
        return workflow.level_of_month(self.earned, self.reached)


def year_before(month: date) -> date:
    """The first day of the same month a year ago."""
    return month.replace(year=month.year - 1)


async def year(session: AsyncSession, *, member_id: UUID) -> Year:
    """What the last 365 days brought, and the level as it is shown."""
    row = await _year(clock.today()).first(session, member_id=member_id, year_ago=year_ago())
    assert row is not None
    return read(row["year"])


@lru_cache(maxsize=2)
def _year(today: date) -> Prepared:
    """Put together once a day: that takes longer than asking it."""
    member_id, ago = sa.bindparam("member_id", type_=sa.Uuid), sa.bindparam("year_ago", type_=sa.DateTime(timezone=True))
    return Prepared(sa.select(of_member(member_id, today=today, year_ago=ago).label("year")))


def year_ago() -> datetime:
    return clock.now() - timedelta(days=365)


def of_member(member_id: Any, *, today: date, year_ago: Any) -> sa.ScalarSelect[Any]:
    """The same as part of another statement, on this day: a value for `read`."""
    month = clock.month_start(today)
    last = (
        sa.select(col(PointsLevel.level), col(PointsLevel.month))
        .where(col(PointsLevel.member_id) == member_id, col(PointsLevel.month) <= month)
        .order_by(col(PointsLevel.month).desc())
        .limit(1)
        .cte("last")
    )
    told = sa.func.jsonb_build_array(
        _sum(made_at >= year_ago), _sum(sa.true()), sa.select(last.c.level).scalar_subquery(),
        sa.select(last.c.month).scalar_subquery(), type_=JSONB,
    )
    return (
        sa.select(told)
        .where(col(PointsTransaction.member_id) == member_id, made_at >= clock.day_start(year_before(month)), EARNED)
        .scalar_subquery()
    )


def read(told: Sequence[Any]) -> Year:
    earned, counted, stored, stored_in = told
    this_month = clock.month_start(clock.today())
    left = 1 if stored is None else workflow.level_left(stored, workflow.months_between(date.fromisoformat(stored_in), this_month))
    return Year(earned, max(workflow.level(earned), workflow.level(counted), left))


async def without_level(session: AsyncSession, *, month: date, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Members whose level of a month is not written down yet, in the order of their ids."""
    written = sa.exists().where(col(PointsLevel.member_id) == col(PointsBalance.member_id), col(PointsLevel.month) == month)
    statement = (
        sa.select(col(PointsBalance.member_id))
        .join(Account, col(Account.id) == col(PointsBalance.member_id))
        .where(col(Account.status) != AccountStatus.ERASED, sa.not_(written))
    )
    if after is not None:
        statement = statement.where(col(PointsBalance.member_id) > after)
    found = await session.exec(statement.order_by(col(PointsBalance.member_id)).limit(limit))
    return found.scalars().all()


async def turns(session: AsyncSession, *, member_ids: Collection[UUID], month: date) -> list[Turn]:
    """These members at a month's beginning, as it was then, however late it is; erased ones are left out."""
    month_before = clock.month_start(month - timedelta(days=1))
    earned = (
        sa.select(
            col(PointsTransaction.member_id), _sum(made_at >= clock.day_start(year_before(month))).label("now"),
            _sum(sa.true()).label("before"),
        )
        .where(
            col(PointsTransaction.member_id).in_(member_ids), made_at >= clock.day_start(year_before(month_before)),
            made_at < clock.day_start(month), EARNED,
        )
        .group_by(col(PointsTransaction.member_id))
        .subquery()
    )
    last = (
        sa.select(col(PointsLevel.member_id), col(PointsLevel.level), col(PointsLevel.month))
        .where(col(PointsLevel.member_id).in_(member_ids), col(PointsLevel.month) < month)
        .ext(distinct_on(col(PointsLevel.member_id)))
        .order_by(col(PointsLevel.member_id), col(PointsLevel.month).desc())
        .subquery()
    )
    found = await session.exec(
        sa.select(col(Account.id), earned.c.now, earned.c.before, last.c.level, last.c.month)
        .outerjoin(earned, earned.c.member_id == col(Account.id))
        .outerjoin(last, last.c.member_id == col(Account.id))
        .where(col(Account.id).in_(member_ids), col(Account.status) != AccountStatus.ERASED)
    )
    return [
        Turn(member_id, now or 0, _reached(before or 0, stored, stored_in, month_before), stored)
        for member_id, now, before, stored, stored_in in found.all()
    ]


def _reached(earned_before: int, stored: int | None, stored_in: date | None, month: date) -> int:
    """The level that was shown when `month` ended. Months in which nothing was written down fall like others."""
    left = 1 if stored is None or stored_in is None else workflow.level_left(stored, workflow.months_between(stored_in, month))
    return max(workflow.level(earned_before), left)


def _sum(counted: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    """More can be clawed back than a span earned: what it took back may be older."""
    return sa.func.greatest(sa.func.coalesce(sa.func.sum(amount).filter(counted), 0), 0)
