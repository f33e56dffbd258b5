"""Which rule holds where. What an award asks of it stands in `queries_awarding`."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.db.session import AsyncSession
from app.errors import NotFound
from app.points import validity
from app.points.models import PointsRule


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
