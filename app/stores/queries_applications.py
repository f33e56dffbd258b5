"""Every SELECT of applications to become a store."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.security import sealing
from app.stores import workflow_applications
from app.stores.models_applications import Status, StoreApplication, StoreText

TABLE = "store_application"


async def access(session: AsyncSession, *, principal: Principal, application_id: UUID, lock: bool = False) -> StoreApplication:
    """One that the caller may see; `lock` makes those who decide about it wait for each other. Raises NotFound."""
    statement = sa.select(StoreApplication).where(col(StoreApplication.id) == application_id)
    found = await session.exec((statement.with_for_update() if lock else statement).execution_options(populate_existing=True))
    row: StoreApplication | None = found.scalars().first()
    if row is None or not workflow_applications.visible(principal, row):
        raise NotFound
    return row


async def may_see(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """Whether the photos of an application may be seen."""
    row = await session.get(StoreApplication, owner_id)
    return row is not None and workflow_applications.visible(principal, row)


async def own(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[StoreApplication]:
    """The caller's, newest first, one more than `limit`."""
    return await _page(session, sa.select(StoreApplication).where(col(StoreApplication.applicant_id) == principal.account_id), limit, after)


async def in_scope(
    session: AsyncSession, *, principal: Principal, status: Status | None, area_path: str | None, limit: int, after: UUID | None
) -> Sequence[StoreApplication]:
    """Those of the areas that the caller administers, newest first, one more than `limit`."""
    statement = sa.select(StoreApplication).where(within(col(StoreApplication.area_path), principal.area_paths(Role.AREA_ADMIN)))
    if area_path is not None:
        statement = statement.where(within(col(StoreApplication.area_path), [area_path]))
    if status is not None:
        statement = statement.where(col(StoreApplication.status) == status)
    return await _page(session, statement, limit, after)


async def _page(session: AsyncSession, statement: sa.Select[Any], limit: int, after: UUID | None) -> Sequence[StoreApplication]:
    if after is not None:
        statement = statement.where(col(StoreApplication.id) < after)
    found = await session.exec(statement.order_by(col(StoreApplication.id).desc()).limit(limit + 1))
    rows: Sequence[StoreApplication] = found.scalars().all()
    return rows


async def reasons(session: AsyncSession, rows: Collection[StoreApplication]) -> dict[UUID, str | None]:
    """What was said with the last decision about each of these that has such a sentence, by the sentence's id."""
    ids = {row.reason_id for row in rows if row.reason_id is not None}
    if not ids:
        return {}
    found = await session.exec(sa.select(col(StoreText.id), col(StoreText.text)).where(col(StoreText.id).in_(ids)))
    return {row.id: row.text for row in found.all()}


def phone(session: AsyncSession, row: StoreApplication) -> str | None:
    """None after an erasure."""
    return None if row.phone_sealed is None else sealing.unseal(session, row.phone_sealed, table=TABLE, column="phone", row=row.id)


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    instant: datetime = (await session.exec(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return instant


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's applications, and what was written about them or by them, for the copy of one's data."""
    mine = await session.exec(
        sa.select(StoreApplication).where(col(StoreApplication.applicant_id) == member_id).order_by(col(StoreApplication.id))
    )
    texts = await session.exec(
        sa.select(StoreText)
        .where(sa.or_(col(StoreText.member_id) == member_id, col(StoreText.author_id) == member_id))
        .order_by(col(StoreText.id))
    )
    return {
        "store_applications": [_exported(session, row) for row in mine.scalars().all()],
        "store_texts": [{"text": row.text, "at": row.created_at.isoformat()} for row in texts.scalars().all()],
    }


def _exported(session: AsyncSession, row: StoreApplication) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("number", "name", "address", "uscc", "hours", "given_lng", "given_lat")}
    return told | {
        "phone": phone(session, row), "status": row.status.value, "category": row.category.value, "at": row.created_at.isoformat(),
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
    }
