"""Every SELECT of enterprises. Names are for everybody who is signed in; `workflow.sees_details` says who reads the rest."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.enterprises import workflow
from app.enterprises.models import Enterprise, EnterpriseHeadcount, EnterpriseKind
from app.errors import Conflict, Forbidden, NotFound


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
    enterprise = await _locked(session, enterprise_id)
    if not workflow.administers(principal, enterprise):
        raise Forbidden
    return enterprise


async def access_details(session: AsyncSession, *, principal: Principal, enterprise_id: UUID) -> Enterprise:
    """One whose details the caller sees: its contact, an administrator of its area. Raises NotFound for anybody else."""
    enterprise = await get(session, enterprise_id)
    if not workflow.sees_details(principal, enterprise):
        raise NotFound
    return enterprise


async def lock_details(session: AsyncSession, *, principal: Principal, enterprise_id: UUID) -> Enterprise:
    """The same, locked for a change."""
    enterprise = await _locked(session, enterprise_id)
    if not workflow.sees_details(principal, enterprise):
        raise NotFound
    return enterprise


async def _locked(session: AsyncSession, enterprise_id: UUID) -> Enterprise:
    found = await session.exec(
        sa.select(Enterprise)
        .where(col(Enterprise.id) == enterprise_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    enterprise: Enterprise | None = found.scalars().first()
    if enterprise is None:
        raise NotFound
    return enterprise


def counted_on(day: date) -> sa.ColumnElement[bool]:
    """Those that count on a local day: listed by then, and not closed."""
    return sa.and_(col(Enterprise.listed_on) <= day, not_closed(day))


def not_closed(day: date) -> sa.ColumnElement[bool]:
    return sa.or_(col(Enterprise.closed_on).is_(None), col(Enterprise.closed_on) > day)


async def enterprises(
    session: AsyncSession, *, area_id: UUID | None, kind: EnterpriseKind | None, limit: int, after: UUID | None, q: str | None = None,
    closed: bool = False,
) -> Sequence[Enterprise]:
    """Those of an area and below it, newest first, one more than `limit`; the closed ones too if asked for. `q` is a part of the name.

    Raises NotFound for an unknown area.
    """
    statement = sa.select(Enterprise)
    if area_id is not None:
        statement = statement.where(within(col(Enterprise.area_path), [(await areas_queries.get(session, area_id)).path]))
    if kind is not None:
        statement = statement.where(col(Enterprise.kind) == kind)
    if q is not None:
        statement = statement.where(*_named(q))
    if not closed:
        statement = statement.where(not_closed(clock.today()))
    if after is not None:
        statement = statement.where(col(Enterprise.id) < after)
    found = await session.exec(statement.order_by(col(Enterprise.id).desc()).limit(limit + 1))
    return found.scalars().all()


def _named(part: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The name holds the part, whatever the case. The index finds names with all its symbols; the comparison their order."""
    part = part.strip()
    name, wanted = sa.func.lower(col(Enterprise.name)), sa.func.lower(sa.literal(part))
    symbols = sa.func.string_to_array(name, sa.null()).op("@>")(sa.func.string_to_array(wanted, sa.null()))
    return symbols, name.contains(part.lower(), autoescape=True)


async def headcounts(session: AsyncSession, *, enterprise_id: UUID, limit: int, after: UUID | None) -> Sequence[EnterpriseHeadcount]:
    """The figures of an enterprise, the newest day first, one more than `limit`."""
    statement = sa.select(EnterpriseHeadcount).where(col(EnterpriseHeadcount.enterprise_id) == enterprise_id)
    if after is not None:
        last = sa.select(col(EnterpriseHeadcount.on)).where(col(EnterpriseHeadcount.id) == after).scalar_subquery()
        statement = statement.where(col(EnterpriseHeadcount.on) < last)
    found = await session.exec(statement.order_by(col(EnterpriseHeadcount.on).desc()).limit(limit + 1))
    return found.scalars().all()


async def headcounts_on(session: AsyncSession, *, enterprise_ids: Collection[UUID], day: date) -> dict[UUID, int]:
    """How many work for each of these on a local day: the figure of the newest day up to it; who has none is left out."""
    found = await session.exec(
        sa.select(EnterpriseHeadcount)
        .where(col(EnterpriseHeadcount.enterprise_id).in_(set(enterprise_ids)), col(EnterpriseHeadcount.on) <= day)
        .ext(distinct_on(col(EnterpriseHeadcount.enterprise_id)))
        .order_by(col(EnterpriseHeadcount.enterprise_id), col(EnterpriseHeadcount.on).desc())
    )
    return {row.enterprise_id: row.headcount for row in found.scalars().all() if row.headcount is not None}


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """The figures that a person has written down for enterprises, for the copy of one's data."""
    found = await session.exec(
        sa.select(EnterpriseHeadcount, col(Enterprise.name))
        .join(Enterprise, col(Enterprise.id) == col(EnterpriseHeadcount.enterprise_id))
        .where(col(EnterpriseHeadcount.recorded_by) == member_id)
        .order_by(col(EnterpriseHeadcount.id))
    )
    return {
        "headcounts": [{"enterprise": name, "on": row.on.isoformat(), "headcount": row.headcount} for row, name in found.all()]
    }


async def may_issue_qrcode(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Its contact and the administrators of its area print an enterprise's code. Raises NotFound for an unknown enterprise."""
    return workflow.sees_details(principal, await get(session, target_id))


async def expect_open(session: AsyncSession, enterprise_id: UUID) -> None:
    """Raises NotFound, Conflict for a closed one: it gets no codes."""
    if (await get(session, enterprise_id)).closed_by(clock.today()):
        raise Conflict("该企业已关闭")


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of an enterprise's code shows to everybody. Raises NotFound."""
    enterprise = await get(session, target_id)
    return {"id": str(enterprise.id), "name": enterprise.name, "kind": enterprise.kind.value}
