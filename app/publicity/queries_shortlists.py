"""Every SELECT of shortlists: who meets a rule, and the lists that were made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members.models import Member
from app.points.models import Kind, PointsTransaction
from app.publicity import queries, workflow
from app.publicity.models import Shortlist, ShortlistCandidate
from app.publicity.queries import Shown
from app.security import sealing

TABLE = "shortlist"
MONTH: sa.ColumnElement[Any] = sa.func.date_trunc("month", sa.func.timezone("Asia/Shanghai", col(PointsTransaction.created_at)))


@dataclass(frozen=True, slots=True)
class Rule:
    """What a candidate must meet; `rules` None: every rule's points count."""

    year: int
    as_of: date
    min_points: int
    min_active_months: int | None
    rules: list[str] | None
    exclude_false_reports: bool


def meeting(rule: Rule, *, area_path: str, oldest: bool) -> sa.Select[UUID]:
    """The members who agree to be listed and meet the rule, by what they earned in the year and nobody has taken back since.

    A month is active when something of that was earned in it.
    """
    since, until = clock.day_start(date(rule.year, 1, 1)), clock.day_start(rule.as_of + timedelta(days=1))
    line, member, at = PointsTransaction, col(PointsTransaction.member_id), col(PointsTransaction.created_at)
    taken, false = aliased(PointsTransaction), aliased(PointsTransaction)
    taken_back = sa.exists().where(col(taken.reverses_id) == col(line.id), col(taken.amount) < 0)
    earned: sa.Select[UUID] = (
        sa.select(member.label("member_id"))
        .join(Account, col(Account.id) == member)
        .join(Member, col(Member.id) == col(Account.id))
        .where(
            col(line.kind) == Kind.EARN, at >= since, at < until, sa.not_(taken_back), *queries.agreeing(),
            queries.working_in(area_path, oldest=oldest),
        )
        .group_by(member)
        .having(sa.func.sum(line.amount) >= rule.min_points)
    )
    if rule.min_active_months is not None:
        earned = earned.having(sa.func.count(MONTH.distinct()) >= rule.min_active_months)
    if rule.rules is not None:
        earned = earned.where(col(line.rule_code).in_(rule.rules))
    found = earned.subquery()
    if not rule.exclude_false_reports:
        return sa.select(found.c.member_id)
    lied = sa.exists().where(
        col(false.member_id) == found.c.member_id, col(false.rule_code) == workflow.FALSE_REPORT, col(false.created_at) >= since,
        col(false.created_at) < until,
    )
    return sa.select(found.c.member_id).where(sa.not_(lied))


async def shortlists(
    session: AsyncSession, *, principal: Principal, year: int | None, limit: int, after: UUID | None
) -> Sequence[Shortlist]:
    """Those of the caller's areas, newest first, one more than `limit`. Raises NotFound for who administers no area."""
    paths = principal.area_paths(Role.AREA_ADMIN)
    if not paths:
        raise NotFound
    statement = sa.select(Shortlist).where(within(col(Shortlist.area_path), paths))
    if year is not None:
        statement = statement.where(col(Shortlist.year) == year)
    if after is not None:
        statement = statement.where(col(Shortlist.id) < after)
    found = await session.exec(statement.order_by(col(Shortlist.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def access(session: AsyncSession, *, principal: Principal, shortlist_id: UUID, lock: bool = False) -> Shortlist:
    """One of an area that the caller administers. Raises NotFound."""
    statement = sa.select(Shortlist).where(
        col(Shortlist.id) == shortlist_id, within(col(Shortlist.area_path), principal.area_paths(Role.AREA_ADMIN))
    )
    found = await session.exec((statement.with_for_update() if lock else statement).execution_options(populate_existing=True))
    row: Shortlist | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def candidates(session: AsyncSession, *, shortlist_id: UUID) -> list[Shown]:
    """Those who still agree to be named, in the order of their full names."""
    found = await session.exec(sa.select(ShortlistCandidate).where(col(ShortlistCandidate.shortlist_id) == shortlist_id))
    return await queries.in_order(session, found.scalars().all())


def note(session: AsyncSession, row: Shortlist) -> str | None:
    """Why these were chosen; None before, and after one of the candidates was erased."""
    sealed = row.note_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="note", row=row.id)
