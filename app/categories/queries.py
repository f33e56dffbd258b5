"""Reading the tree of categories."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.auth.principal import Principal
from app.auth.roles import Role
from app.categories.models import ExactPlace, ReportCategory, ReportCategoryVersion
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound

READERS = (Role.REVIEWER, Role.GRID_WORKER, Role.AREA_ADMIN, Role.AUDITOR, Role.PLATFORM_ADMIN)
Kept = tuple[str | None, int | None]  # the category of a report, and the version that it keeps
FIRST = 1  # what a report keeps that was filed before versions were kept
IN_FORCE = sa.and_(
    col(ReportCategory.code) == col(ReportCategoryVersion.category_code), col(ReportCategory.version) == col(ReportCategoryVersion.version)
)


@dataclass(frozen=True, slots=True)
class Node:
    """A category as it is now. A leaf has none below it, in use or not."""

    row: ReportCategoryVersion
    leaf: bool


async def in_use(session: AsyncSession) -> list[Node]:
    """Every category in use as it is now, in the order in which they are shown."""
    below = aliased(ReportCategory)
    found = await session.exec(
        sa.select(ReportCategoryVersion, ~sa.exists().where(col(below.parent_code) == col(ReportCategory.code)))
        .join(ReportCategory, IN_FORCE).where(col(ReportCategory.active))
        .order_by(col(ReportCategory.position), col(ReportCategory.code))
    )
    return [Node(*row) for row in found.all()]


async def get(session: AsyncSession, code: str | None) -> ReportCategory | None:
    return None if code is None else await session.get(ReportCategory, code)


async def lock(session: AsyncSession, code: str) -> ReportCategory:
    """The row, locked and fresh; reports go on naming it meanwhile. Raises NotFound."""
    found = await session.exec(
        sa.select(ReportCategory).where(col(ReportCategory.code) == code).with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    category: ReportCategory | None = found.scalars().first()
    if category is None:
        raise NotFound
    return category


def reportable(code: Any, *columns: Any) -> sa.Select[*tuple[Any, ...]]:
    """The version in force of the category of a code, if that can be reported: in use with its group, and with none below it."""
    below, above = aliased(ReportCategory), aliased(ReportCategory)
    return (
        sa.select(*columns).select_from(ReportCategoryVersion).join(ReportCategory, IN_FORCE)
        .outerjoin(above, col(above.code) == col(ReportCategory.parent_code))
        .where(
            col(ReportCategory.code) == code, col(ReportCategory.active), sa.func.coalesce(col(above.active), True),
            ~sa.exists().where(col(below.parent_code) == code),
        )
    )


async def leaf(session: AsyncSession, code: str) -> ReportCategoryVersion | None:
    """A category that can be reported, as it is now."""
    found = await session.exec(reportable(code, ReportCategoryVersion))
    one: ReportCategoryVersion | None = found.scalars().first()
    return one


async def version(session: AsyncSession, code: str, version: int) -> ReportCategoryVersion:
    """One version; it never changes, so a session reads it once. Raises NotFound."""
    found = await session.get(ReportCategoryVersion, (code, version))
    if found is None:
        raise NotFound
    return found


async def access_versions(session: AsyncSession, *, principal: Principal, code: str) -> Sequence[ReportCategoryVersion]:
    """All versions of a category, newest first, for staff. Raises NotFound, and Forbidden for a caller who holds no grant of staff."""
    found = await session.exec(
        sa.select(ReportCategoryVersion).where(col(ReportCategoryVersion.category_code) == code)
        .order_by(col(ReportCategoryVersion.version).desc())
    )
    rows = found.scalars().all()
    if not rows:
        raise NotFound
    if not principal.has(*READERS):
        raise Forbidden
    return rows


async def policy_of(session: AsyncSession, kept: Kept) -> ReportCategoryVersion | None:
    """What decides about a report, by the category and the version that it keeps; None while it has no category."""
    code, number = kept
    return None if code is None else await version(session, code, number or FIRST)


def kept(code: Any, number: Any) -> sa.ColumnElement[bool]:
    """The condition that joins the version that a report keeps to the report's row."""
    return sa.and_(
        col(ReportCategoryVersion.category_code) == code, col(ReportCategoryVersion.version) == sa.func.coalesce(number, FIRST)
    )


def guards(code: Any, number: Any) -> sa.ColumnElement[bool]:
    """The predicate of a report's row: strangers do not see its exact place. False for one without a category."""
    return sa.exists().where(
        kept(code, number), col(ReportCategoryVersion.exact_place) == ExactPlace.HANDLERS
    )


async def guarded(session: AsyncSession, kept: Iterable[Kept]) -> set[tuple[str, int]]:
    """Those of the versions under which strangers do not see the exact place; no statement when there is nothing to ask."""
    wanted = {(code, number or FIRST) for code, number in kept if code is not None}
    if not wanted:
        return set()
    key = sa.tuple_(col(ReportCategoryVersion.category_code), col(ReportCategoryVersion.version))
    found = await session.exec(
        sa.select(col(ReportCategoryVersion.category_code), col(ReportCategoryVersion.version))
        .where(key.in_(wanted), col(ReportCategoryVersion.exact_place) == ExactPlace.HANDLERS)
    )
    return {(row.category_code, row.version) for row in found.all()}


async def names(session: AsyncSession, codes: Collection[str | None]) -> dict[str, str]:
    wanted = {code for code in codes if code is not None}
    if not wanted:
        return {}
    found = await session.exec(
        sa.select(col(ReportCategory.code), col(ReportCategory.name)).where(col(ReportCategory.code).in_(wanted))
    )
    return {row.code: row.name for row in found.all()}


def name_of(code: Any) -> sa.ScalarSelect[str]:
    """The name of the category that stands in a column, as part of another statement."""
    return sa.select(col(ReportCategory.name)).where(col(ReportCategory.code) == code).scalar_subquery()


async def parents(session: AsyncSession) -> dict[str, str | None]:
    """The group of every category, in use or not: the whole tree in one small statement."""
    found = await session.exec(sa.select(col(ReportCategory.code), col(ReportCategory.parent_code)))
    return {row.code: row.parent_code for row in found.all()}
