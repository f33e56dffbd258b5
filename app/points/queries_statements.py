"""What leaves the ledger about many people at once: an employer's month, a quarter's publicity list. Never ordered by points."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises.models import Enterprise
from app.errors import NotFound
from app.members import masking
from app.members import queries as members_queries
from app.points.models import Kind, PointsTransaction

OBJECTION_DAYS = timedelta(days=30)


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
    """Points that people of an enterprise earned in a local month: one line for each who consented, counts for all who worked there in
    it. A line gives no phone: the text of `employer_statement` promises so.
    """
    after = clock.next_month(first)
    last = max(first, min(after - timedelta(days=1), clock.today()))
    employed = await members_queries.employed_during(session, enterprise_id=enterprise_id, first=first, last=last)
    earned = await _earned(session, employed, first, after)
    consented = await auth_queries.consenting(session, purpose="employer_statement", among=employed)
    people = await members_queries.by_ids(session, consented)
    lines = [
        {
            "member_id": one, "name": members_queries.name_of(session, people.get(one)) or "", "events": earned.get(one, (0, 0))[0],
            "points": earned.get(one, (0, 0))[1],
        }
        for one in consented
    ]
    return {
        "lines": lines, "members": len(employed), "members_listed": len(lines),
        "points_total": sum(points for _, points in earned.values()),
        "points_listed": sum(line["points"] for line in lines),
    }


async def publicity(session: AsyncSession, *, quarter: Quarter, area_path: str) -> list[dict[str, Any]]:
    """Who earned points in a quarter in a tenant, agreed to be listed, and under which mask; in the order of registration."""
    consented = await auth_queries.consenting(session, purpose="publicity")
    earned = await _earned(session, consented, quarter.first, quarter.after)
    people = await members_queries.by_ids(session, earned)
    oldest = await areas_queries.root(session)
    elsewhere = oldest.path if oldest else ""  # where somebody without a work area counts
    rows = []
    for one in sorted(earned):
        member = people.get(one)
        if ((member.area_path if member else None) or elsewhere).startswith(area_path):
            name = members_queries.name_of(session, member)
            rows.append({"name": masking.mask_name(name) if name else "*", "points": earned[one][1]})
    return rows


async def _earned(session: AsyncSession, members: Collection[UUID], first: date, after: date) -> dict[UUID, tuple[int, int]]:
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
