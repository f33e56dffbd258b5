"""Reading the tree of categories."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.categories.models import ReportCategory
from app.db.session import AsyncSession


async def in_use(session: AsyncSession) -> Sequence[ReportCategory]:
    """Every category in use, in the order in which they are shown."""
    found = await session.exec(
        sa.select(ReportCategory).where(col(ReportCategory.active)).order_by(col(ReportCategory.position), col(ReportCategory.code))
    )
    return found.scalars().all()


async def get(session: AsyncSession, code: str | None) -> ReportCategory | None:
    return None if code is None else await session.get(ReportCategory, code)


async def leaf(session: AsyncSession, code: str) -> ReportCategory | None:
    """A category that can be reported: in use, with none below it."""
    below = aliased(ReportCategory)
    found = await session.exec(
        sa.select(ReportCategory).where(
            col(ReportCategory.code) == code, col(ReportCategory.active), ~sa.exists().where(col(below.parent_code) == code)
        )
    )
    one: ReportCategory | None = found.scalars().first()
    return one


async def names(session: AsyncSession, codes: Collection[str | None]) -> dict[str, str]:
    wanted = {code for code in codes if code is not None}
    if not wanted:
        return {}
    found = await session.exec(
        sa.select(col(ReportCategory.code), col(ReportCategory.name)).where(col(ReportCategory.code).in_(wanted))
    )
    return {row.code: row.name for row in found.all()}
