"""Every SELECT of organisations. They are public to whoever is signed in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import Conflict, Forbidden, NotFound
from app.organisations import queries_words, workflow
from app.organisations.models import Organisation

TODAY = auth_queries.TODAY


def in_being(on: sa.ColumnElement[date] = TODAY) -> sa.ColumnElement[bool]:
    """The predicate of organisations that were founded and not yet dissolved on a local day, today by the database's clock."""
    ends = col(Organisation.dissolved_on)
    return sa.and_(col(Organisation.founded_on) <= on, sa.or_(ends.is_(None), ends > on))


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for. `root`: those with none above them. `dissolved`: those that are no more, instead of those in being."""

    area_id: UUID | None = None
    kind: str | None = None
    parent_id: UUID | None = None
    root: bool = False
    dissolved: bool = False


async def organisations(session: AsyncSession, *, wanted: Wanted, limit: int, after: UUID | None) -> Sequence[Organisation]:
    """Those of an area and below it, newest first, one more than `limit`.

    Raises NotFound for an unknown area or parent, ValidationFailed for an unknown kind.
    """
    ends = col(Organisation.dissolved_on)
    statement = sa.select(Organisation).where(ends <= TODAY if wanted.dissolved else sa.or_(ends.is_(None), ends > TODAY))
    if wanted.area_id is not None:
        statement = statement.where(within(col(Organisation.area_path), [(await areas_queries.get(session, wanted.area_id)).path]))
    if wanted.kind is not None:
        queries_words.require_known(await queries_words.words(session), field="kind", code=wanted.kind, place="query")
        statement = statement.where(col(Organisation.kind) == wanted.kind)
    if wanted.parent_id is not None:
        statement = statement.where(col(Organisation.parent_id) == (await get(session, wanted.parent_id)).id)
    if wanted.root:
        statement = statement.where(col(Organisation.parent_id).is_(None))
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


async def expect_in_being(session: AsyncSession, organisation_id: UUID) -> None:
    """Raises NotFound, Conflict for one that is dissolved or not founded yet: it takes nobody in and gets no codes."""
    if not (await get(session, organisation_id)).in_being(clock.today()):
        raise Conflict("该党组织已撤销或尚未成立")


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of an organisation's code shows to everybody. Raises NotFound."""
    organisation = await get(session, target_id)
    return {"id": str(organisation.id), "name": organisation.name, "kind": organisation.kind, "phone": organisation.phone}
