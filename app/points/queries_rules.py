"""Which rule holds where, and what it has given a member so far."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.errors import NotFound
from app.points import validity
from app.points.models import PointsAward, PointsRule
from app.points.models_rules import CapCode, PointsCap
from app.points.workflow import Ceiling, Usage


async def rule_in_force(session: AsyncSession, *, code: str, area_path: str, on: date) -> PointsRule | None:
    """The newest version of the nearest area that has one on that day, else the platform's; None when none holds.

    `on` is the local day on which the source was filed.
    """
    found = await session.exec(
        sa.select(PointsRule)
        .where(col(PointsRule.code) == code, validity.above(PointsRule, area_path), validity.valid(PointsRule, on))
        .order_by(*validity.nearest_first(PointsRule))
        .limit(1)
    )
    rule: PointsRule | None = found.scalars().first()
    return rule


async def lock_rule(session: AsyncSession, *, code: str) -> int:
    """The newest version number of a code, until the caller's end: two changes at once get two numbers. Raises NotFound.

    Locks the first version: a wait for the newest would be over with a newer one there, unseen.
    """
    first = await session.exec(
        sa.select(col(PointsRule.id)).where(col(PointsRule.code) == code).order_by(col(PointsRule.version)).limit(1).with_for_update()
    )
    if first.first() is None:
        raise NotFound
    newest = await session.exec(sa.select(sa.func.max(PointsRule.version)).where(col(PointsRule.code) == code))
    number: int = newest.scalar_one()
    return number


async def latest_rule(session: AsyncSession, *, code: str, area_path: str = "") -> PointsRule:
    """The newest version made for an area or for one above it, whenever it holds. Raises NotFound for a code without a rule."""
    found = await session.exec(
        sa.select(PointsRule)
        .where(col(PointsRule.code) == code, validity.above(PointsRule, area_path))
        .order_by(*validity.nearest_first(PointsRule))
        .limit(1)
    )
    rule: PointsRule | None = found.scalars().first()
    if rule is None:
        raise NotFound
    return rule


async def rules(session: AsyncSession, *, area_path: str, on: date) -> Sequence[PointsRule]:
    """The rule of each code that is in force in an area on a day, by code."""
    found = await session.exec(
        sa.select(PointsRule)
        .where(validity.above(PointsRule, area_path), validity.valid(PointsRule, on))
        .ext(distinct_on(col(PointsRule.code)))
        .order_by(col(PointsRule.code), *validity.nearest_first(PointsRule))
    )
    return found.scalars().all()


async def versions(session: AsyncSession, *, code: str) -> Sequence[PointsRule]:
    """Every version of a code in whatever area, newest first. Raises NotFound for a code without a rule."""
    found = await session.exec(sa.select(PointsRule).where(col(PointsRule.code) == code).order_by(col(PointsRule.version).desc()))
    made = found.scalars().all()
    if not made:
        raise NotFound
    return made


async def titles(session: AsyncSession) -> dict[str, str]:
    """Rule code → title, of the newest version."""
    found = await session.exec(
        sa.select(col(PointsRule.code), col(PointsRule.title))
        .ext(distinct_on(col(PointsRule.code)))
        .order_by(col(PointsRule.code), col(PointsRule.version).desc())
    )
    return {row[0]: row[1] for row in found.all()}


async def award(session: AsyncSession, *, member_id: UUID, rule: str, source_type: str, source_id: UUID) -> PointsAward | None:
    found = await session.exec(
        sa.select(PointsAward).where(
            col(PointsAward.rule_code) == rule, col(PointsAward.source_type) == source_type, col(PointsAward.source_id) == source_id,
            col(PointsAward.member_id) == member_id,
        )
    )
    known: PointsAward | None = found.scalars().first()
    return known


async def given_before(session: AsyncSession, *, member_id: UUID, rule: str, once_key: str) -> bool:
    """Was the member credited by the rule for this already? The balance row is locked; a unique index stands behind it."""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(PointsAward.member_id) == member_id, col(PointsAward.rule_code) == rule, col(PointsAward.once_key) == once_key
        )
    )
    return found.first() is not None


async def usage(session: AsyncSession, *, member_id: UUID, rule: str, day: date, area_path: str) -> tuple[Usage, Ceiling]:
    """What a member has in the periods of a filing day, and what may be had over all rules where the award is earned.

    Counts under the caller's lock on the balance row, so that awards at once cannot both see the same room. One statement.
    """
    used = had(member_id, rule, day).subquery()
    found = await session.exec(sa.select(used, *_ceiling(area_path, day)))
    row = found.one()
    return Usage(*row[:7]), Ceiling(*row[7:])


def had(member_id: UUID, rule: str, day: date) -> sa.Select[Any]:
    """The units of a rule and the points of all, in the columns of `Usage`."""
    week, month, year = day - timedelta(days=day.weekday()), clock.month_start(day), day.replace(month=1, day=1)
    on, mine, credited = col(PointsAward.filed_on), col(PointsAward.rule_code) == rule, col(PointsAward.credited)
    today, in_week = on == day, sa.and_(on >= week, on < week + timedelta(days=7))
    in_month, in_year = sa.and_(on >= month, on < clock.next_month(day)), sa.and_(on >= year, on < date(day.year + 1, 1, 1))

    def total(column: Any, *where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(column).filter(*where), 0)

    units = col(PointsAward.units_credited)
    asked = [total(units, mine, period) for period in (today, in_week, in_month, in_year)]
    asked += [total(credited, period) for period in (today, in_month, in_year)]
    columns: list[Any] = [column.label(f"had_{number}") for number, column in enumerate(asked)]
    return sa.select(*columns).where(
        col(PointsAward.member_id) == member_id, credited > 0, on >= min(year, week),
        on < max(date(day.year + 1, 1, 1), week + timedelta(days=7)),
    )


def _ceiling(area_path: str, day: date) -> list[sa.ColumnElement[Any]]:
    """Day, month and year of the GLOBAL cap in force, null without limit."""
    cap = (
        sa.select(col(PointsCap.per_day), col(PointsCap.per_month), col(PointsCap.per_year))
        .where(col(PointsCap.code) == CapCode.GLOBAL, validity.above(PointsCap, area_path), validity.valid(PointsCap, day))
        .order_by(*validity.nearest_first(PointsCap))
        .limit(1)
        .cte("cap")
    )
    return [sa.select(column).scalar_subquery() for column in cap.c]
