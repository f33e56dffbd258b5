"""Every SELECT of organisations. They are public to whoever is signed in."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.organisations import workflow
from app.organisations.models import Organisation, OrganisationKind


async def get(session: AsyncSession, organisation_id: UUID) -> Organisation:
    """Raises NotFound."""
    organisation = await session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound
    return organisation


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Organisation]:
    """The organisations of these ids; unknown ids are left out."""
    if not ids:
        return {}
    found = await session.exec(sa.select(Organisation).where(col(Organisation.id).in_(set(ids))))
    return {organisation.id: organisation for organisation in found.scalars().all()}


async def access_administered(session: AsyncSession, *, principal: Principal, organisation_id: UUID) -> Organisation:
    """Locks one for a change by an administrator of its area. Raises NotFound for an unknown one, Forbidden elsewhere."""
    found = await session.exec(
        sa.select(Organisation)
        .where(col(Organisation.id) == organisation_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    organisation: Organisation | None = found.scalars().first()
    if organisation is None:
        raise NotFound
    if not workflow.administers(principal, organisation):
        raise Forbidden
    return organisation


async def organisations(
    session: AsyncSession, *, area_id: UUID | None, kind: OrganisationKind | None, limit: int, after: UUID | None
) -> Sequence[Organisation]:
    """Those of an area and below it, newest first, one more than `limit`. Raises NotFound for an unknown area."""
    statement = sa.select(Organisation)
    if area_id is not None:
        statement = statement.where(within(col(Organisation.area_path), [(await areas_queries.get(session, area_id)).path]))
    if kind is not None:
        statement = statement.where(col(Organisation.kind) == kind)
    if after is not None:
        statement = statement.where(col(Organisation.id) < after)
    found = await session.exec(statement.order_by(col(Organisation.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def root_committee(session: AsyncSession, *, area_id: UUID) -> Organisation:
    """The committee of a tenant's root; `service.ensure_root_committee` has made it."""
    found = await session.exec(
        sa.select(Organisation).where(col(Organisation.area_id) == area_id, col(Organisation.root_committee))
    )
    committee: Organisation = found.scalars().one()
    return committee


async def stands_above(session: AsyncSession, *, above_id: UUID, below_id: UUID) -> bool:
    """Is `above_id` the other one itself, or somewhere above it?"""
    chain = sa.select(col(Organisation.id), col(Organisation.parent_id)).where(col(Organisation.id) == below_id).cte(recursive=True)
    up = aliased(Organisation)
    chain = chain.union(sa.select(col(up.id), col(up.parent_id)).join(chain, col(up.id) == chain.c.parent_id))
    found = await session.exec(sa.select(sa.literal(1)).where(chain.c.id == above_id).limit(1))
    return found.first() is not None


async def hold_tree(session: AsyncSession) -> None:
    """Makes changes of who stands below whom wait for each other, so that two at once cannot close a ring. Before any row lock."""
    await session.exec(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("organisation.tree", 0))))


async def may_issue_qrcode(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Who prints the code that registers people with an organisation. Raises NotFound for an unknown one."""
    return workflow.prints_codes_of(principal, await get(session, target_id))


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of an organisation's code shows to everybody. Raises NotFound."""
    organisation = await get(session, target_id)
    return {"id": str(organisation.id), "name": organisation.name, "kind": organisation.kind.value, "phone": organisation.phone}
