"""Every SELECT of complaints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.complaints.models import Complaint, Status
from app.db.session import AsyncSession
from app.errors import NotFound
from app.security import sealing

TABLE = "complaint"
CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
LATE = sa.and_(col(Complaint.status) == Status.OPEN, col(Complaint.due_at) < CLOCK)


async def own(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Complaint]:
    """A person's complaints, newest first, one more than `limit`."""
    return await _page(session, sa.select(Complaint).where(col(Complaint.member_id) == member_id), limit, after)


async def in_scope(
    session: AsyncSession, *, principal: Principal, status: Status | None, overdue: bool, limit: int, after: UUID | None
) -> Sequence[Complaint]:
    """Those of people who work in the caller's areas, newest first, one more than `limit`. `overdue`: only those that wait too long."""
    statement = sa.select(Complaint).where(within(col(Complaint.area_path), principal.area_paths(Role.AREA_ADMIN)))
    if status is not None:
        statement = statement.where(col(Complaint.status) == status)
    if overdue:
        statement = statement.where(LATE)
    return await _page(session, statement, limit, after)


async def _page(session: AsyncSession, statement: Any, limit: int, after: UUID | None) -> Sequence[Complaint]:
    if after is not None:
        statement = statement.where(col(Complaint.id) < after)
    found = await session.exec(statement.order_by(col(Complaint.id).desc()).limit(limit + 1))
    rows: Sequence[Complaint] = found.scalars().all()
    return rows


async def access(session: AsyncSession, *, principal: Principal, complaint_id: UUID) -> Complaint:
    """Locks one that the caller may see. Raises NotFound."""
    found = await session.exec(
        sa.select(Complaint)
        .where(col(Complaint.id) == complaint_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    complaint: Complaint | None = found.scalars().first()
    if complaint is None or not _visible(principal, complaint):
        raise NotFound
    return complaint


async def may_see(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """Whether the photos of a complaint may be seen."""
    complaint = await session.get(Complaint, owner_id)
    return complaint is not None and _visible(principal, complaint)


def _visible(principal: Principal, complaint: Complaint) -> bool:
    return complaint.member_id == principal.account_id or principal.covers(complaint.area_path, Role.AREA_ADMIN)


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    found = await session.exec(sa.select(sa.func.clock_timestamp()))
    instant: datetime = found.scalar_one()
    return instant


def text(session: AsyncSession, complaint: Complaint) -> str | None:
    """None after an erasure."""
    sealed = complaint.text_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="text", row=complaint.id)


def answer(session: AsyncSession, complaint: Complaint) -> str | None:
    sealed = complaint.answer_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="answer", row=complaint.id)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's complaints with their answers, for the copy of one's data."""
    found = await session.exec(sa.select(Complaint).where(col(Complaint.member_id) == member_id).order_by(col(Complaint.id)))
    return {
        "complaints": [
            {
                "kind": one.kind.value, "status": one.status.value, "text": text(session, one), "answer": answer(session, one),
                "at": one.created_at.isoformat(), "answered_at": one.answered_at.isoformat() if one.answered_at else None,
            }
            for one in found.scalars().all()
        ]
    }
