"""What leaves the ledger about many people at once: an employer's month, a quarter's publicity list. Never ordered by points."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.models import Account
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises.models import Enterprise
from app.errors import NotFound
from app.members import queries as members_queries
from app.points.models import Kind, PointsTransaction


@dataclass(frozen=True, slots=True)
class Quarter:
    year: int
    quarter: int

    @property
    def first(self) -> date:
        return date(self.year, 3 * self.quarter - 2, 1)

    @property
    def after(self) -> date:
        """The first day after it."""
        return date(self.year + self.quarter // 4, 3 * self.quarter % 12 + 1, 1)

    @property
    def over(self) -> bool:
        return clock.today() >= self.after


async def access_enterprise(session: AsyncSession, *, principal: Principal, enterprise_id: UUID) -> Enterprise:
    """The enterprise, for its contact or an area administrator above it. Raises NotFound for anybody else."""
    enterprise = await enterprises_queries.get(session, enterprise_id)
    contact = principal.holds(ScopeType.ENTERPRISE, enterprise_id, Role.ENTERPRISE_CONTACT)
    if not contact and not principal.covers(enterprise.area_path, Role.AREA_ADMIN):
        raise NotFound
    return enterprise


async def statement(session: AsyncSession, *, enterprise_id: UUID, first: date) -> dict[str, Any]:
    """Points that an enterprise's people earned in a local month: one line for each who consented, counts for all."""
    employed = await members_queries.employed_by(session, enterprise_id=enterprise_id)
    earned = await _earned(session, employed, first, clock.next_month(first))
    consented = await consenting(session, employed, "employer_statement")
    lines = [
        {
            "member_id": member_id, "name": await members_queries.real_name(session, member_id=member_id) or "",
            "phone": await auth_queries.masked_phone(session, account_id=member_id), "events": earned.get(member_id, (0, 0))[0],
            "points": earned.get(member_id, (0, 0))[1],
        }
        for member_id in sorted(consented)
    ]
    return {
        "lines": lines, "members": len(employed), "members_listed": len(lines),
        "points_total": sum(points for _, points in earned.values()),
        "points_listed": sum(line["points"] for line in lines),
    }


async def publicity(session: AsyncSession, *, quarter: Quarter, area_path: str) -> list[dict[str, Any]]:
    """Who earned points in a quarter in a tenant, agreed to be listed, and under which mask; in the order of registration."""
    consented = await _publicity_consents(session)
    earned = await _earned(session, consented, quarter.first, quarter.after)
    rows = []
    for member_id in sorted(earned):
        area = await members_queries.area_of(session, member_id=member_id)
        if area is not None and area[1].startswith(area_path):
            name = await members_queries.masked_name(session, member_id=member_id)
            rows.append({"name": name or "*", "points": earned[member_id][1]})
    return rows


async def consenting(session: AsyncSession, members: list[UUID], purpose: str) -> list[UUID]:
    """Those of `members` whose consent to a purpose is in force."""
    found = await session.exec(
        sa.select(col(Account.id)).where(col(Account.id).in_(members), col(Account.consented).contains([purpose]))
    )
    return list(found.scalars().all())


async def _publicity_consents(session: AsyncSession) -> list[UUID]:
    found = await session.exec(sa.select(col(Account.id)).where(col(Account.consented).contains(["publicity"])))
    return list(found.scalars().all())


async def _earned(session: AsyncSession, members: list[UUID], first: date, after: date) -> dict[UUID, tuple[int, int]]:
    """Member → (events, points) of what was earned and not clawed back, between two local days."""
    since, until = clock.day_start(first), clock.day_start(after)
    claw_back = sa.and_(col(PointsTransaction.kind) == Kind.REVERSE, col(PointsTransaction.amount) < 0)
    found = await session.exec(
        sa.select(
            col(PointsTransaction.member_id), sa.func.count().filter(col(PointsTransaction.kind) == Kind.EARN),
            sa.func.sum(PointsTransaction.amount),
        )
        .where(
            col(PointsTransaction.member_id).in_(members), col(PointsTransaction.created_at) >= since,
            col(PointsTransaction.created_at) < until, sa.or_(col(PointsTransaction.kind) == Kind.EARN, claw_back),
        )
        .group_by(col(PointsTransaction.member_id))
    )
    return {row[0]: (row[1], row[2]) for row in found.all()}


def month_is_open(first: date) -> bool:
    """The running month's figures still move; a future one has none. Raises NotFound for that."""
    if first > clock.today():
        raise NotFound
    return clock.today() < clock.next_month(first)


OBJECTION_DAYS = timedelta(days=30)
