"""Which caps hold where, and what was moved by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app import clock
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.points import validity
from app.points.models import PointsProposal, ProposalStatus
from app.points.models_rules import CapCode, PointsCap
from app.points.workflow import Ceiling
from app.points.workflow_rules import lineage

READERS = (Role.AREA_ADMIN, Role.AUDITOR)


async def lock_cap(session: AsyncSession, *, code: CapCode) -> int:
    """The newest version number of a code, until the caller's end. Nobody may lock a row of history, so the code is locked by its name."""
    await session.exec(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"points.cap:{code}", 0))))
    found = await session.exec(sa.select(sa.func.max(PointsCap.version)).where(col(PointsCap.code) == code))
    newest: int = found.scalar_one()
    return newest


async def caps(session: AsyncSession, *, principal: Principal, on: date) -> Sequence[PointsCap]:
    """Those in force on a day, of the platform and of every area in, above and below the caller's. Raises Forbidden."""
    if not principal.has(Role.PLATFORM_ADMIN, *READERS):
        raise Forbidden
    asked = sa.select(PointsCap).where(validity.valid(PointsCap, on))
    if not principal.has(Role.PLATFORM_ADMIN):
        paths = principal.area_paths(*READERS)
        over = {one for path in paths for one in lineage(path)}
        asked = asked.where(
            sa.or_(col(PointsCap.area_path).is_(None), col(PointsCap.area_path).in_(over), within(col(PointsCap.area_path), paths))
        )
    found = await session.exec(_newest(asked))
    return found.scalars().all()


async def over_adjustments(session: AsyncSession, *, area_path: str, on: date) -> Sequence[PointsCap]:
    """The caps on changes by hand in force for an area, one of each level from the platform down."""
    found = await session.exec(
        _newest(
            sa.select(PointsCap).where(
                col(PointsCap.code) != CapCode.GLOBAL, validity.above(PointsCap, area_path), validity.valid(PointsCap, on)
            )
        )
    )
    return found.scalars().all()


def _newest(asked: sa.Select[Any]) -> sa.Select[Any]:
    """Of each code and area the newest version."""
    return asked.ext(distinct_on(col(PointsCap.code), col(PointsCap.area_path))).order_by(
        col(PointsCap.code), col(PointsCap.area_path).nulls_first(), col(PointsCap.version).desc()
    )


async def all_versions(session: AsyncSession, *, code: CapCode) -> Sequence[PointsCap]:
    found = await session.exec(sa.select(PointsCap).where(col(PointsCap.code) == code))
    return found.scalars().all()


@dataclass(frozen=True, slots=True)
class Moved:
    """Points moved by hand and not rejected, in both directions: for the member, and by the maker."""

    member: Ceiling
    maker: Ceiling


async def moved(session: AsyncSession, proposal: PointsProposal, *, day: date) -> Moved:
    """In the day, month and year in which the proposal was made, itself included. The caller holds the locks of both persons."""
    year, month = day.replace(month=1, day=1), clock.month_start(day)
    spans = (clock.days(day, day), (clock.day_start(month), clock.day_start(clock.next_month(month))))
    until = clock.day_start(date(day.year + 1, 1, 1))
    at, points = col(PointsProposal.created_at), sa.func.sum(sa.func.abs(PointsProposal.amount))

    def sums(who: Any, person: UUID) -> Any:
        asked = [sa.func.coalesce(points.filter(who == person, at >= since, at < end), 0) for since, end in spans]
        return [*asked, sa.func.coalesce(points.filter(who == person), 0)]

    maker, member = col(PointsProposal.maker_id), col(PointsProposal.member_id)
    found = await session.exec(
        sa.select(*sums(member, proposal.member_id), *sums(maker, proposal.maker_id)).where(
            sa.or_(member == proposal.member_id, maker == proposal.maker_id), at >= clock.day_start(year), at < until,
            col(PointsProposal.type) == "adjustment", col(PointsProposal.status) != ProposalStatus.REJECTED,
        )
    )
    row = found.one()
    return Moved(Ceiling(*row[:3]), Ceiling(*row[3:]))
