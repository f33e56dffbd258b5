"""Every SELECT of enterprises. Names are for everybody who is signed in; `workflow.sees_details` says who reads the rest."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.enterprises import workflow
from app.enterprises.models import Enterprise, EnterpriseKind
from app.errors import Forbidden, NotFound


async def get(session: AsyncSession, enterprise_id: UUID) -> Enterprise:
    """Raises NotFound."""
    enterprise = await session.get(Enterprise, enterprise_id)
    if enterprise is None:
        raise NotFound
    return enterprise


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Enterprise]:
    """The enterprises of these ids; unknown ids are left out."""
    if not ids:
        return {}
    found = await session.exec(sa.select(Enterprise).where(col(Enterprise.id).in_(set(ids))))
    return {enterprise.id: enterprise for enterprise in found.scalars().all()}


async def access_administered(session: AsyncSession, *, principal: Principal, enterprise_id: UUID) -> Enterprise:
    """Locks an enterprise for a change by an administrator of its area. Raises NotFound for an unknown one, Forbidden elsewhere."""
    found = await session.exec(
        sa.select(Enterprise)
        .where(col(Enterprise.id) == enterprise_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    enterprise: Enterprise | None = found.scalars().first()
    if enterprise is None:
        raise NotFound
    if not workflow.administers(principal, enterprise):
        raise Forbidden
    return enterprise


async def enterprises(
    session: AsyncSession, *, area_id: UUID | None, kind: EnterpriseKind | None, limit: int, after: UUID | None
) -> Sequence[Enterprise]:
    """Those of an area and below it, newest first, one more than `limit`. Raises NotFound for an unknown area."""
    statement = sa.select(Enterprise)
    if area_id is not None:
        statement = statement.where(within(col(Enterprise.area_path), [(await areas_queries.get(session, area_id)).path]))
    if kind is not None:
        statement = statement.where(col(Enterprise.kind) == kind)
    if after is not None:
        statement = statement.where(col(Enterprise.id) < after)
    found = await session.exec(statement.order_by(col(Enterprise.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def may_issue_qrcode(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Its contact and the administrators of its area print an enterprise's code. Raises NotFound for an unknown enterprise."""
    return workflow.sees_details(principal, await get(session, target_id))


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of an enterprise's code shows to everybody. Raises NotFound."""
    enterprise = await get(session, target_id)
    return {"id": str(enterprise.id), "name": enterprise.name, "kind": enterprise.kind.value}
