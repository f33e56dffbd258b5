"""Changes by hand as they are read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import NotFound
from app.points.models import (
    PointsLot,
    PointsProposal,
    PointsText,
    PointsTransaction,
    ProposalStatus,
)


async def earned_line(session: AsyncSession, *, principal: Principal, entry_id: UUID) -> PointsTransaction:
    """The line to claw back, found only by an area administrator of some area (`proposals` checks which). Raises NotFound."""
    await acting.as_service(session, Reason.CLAW_BACK)
    found = await session.get(PointsTransaction, entry_id)
    if found is None or not principal.has(Role.AREA_ADMIN):
        raise NotFound
    return found


async def lot_of(session: AsyncSession, *, transaction_id: UUID) -> UUID | None:
    found = await session.exec(sa.select(col(PointsLot.id)).where(col(PointsLot.transaction_id) == transaction_id))
    lot: UUID | None = found.scalars().first()
    return lot


async def access_proposal(session: AsyncSession, *, principal: Principal, proposal_id: UUID, type: str) -> PointsProposal:
    """Locks a proposal in the caller's areas. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(PointsProposal)
        .where(
            col(PointsProposal.id) == proposal_id, col(PointsProposal.type) == type,
            within(col(PointsProposal.area_path), principal.area_paths(Role.AREA_ADMIN)),
        )
        .with_for_update()
    )
    proposal: PointsProposal | None = found.scalars().first()
    if proposal is None:
        raise NotFound
    return proposal


async def proposals(
    session: AsyncSession, *, principal: Principal, type: str, status: ProposalStatus | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Proposals in the caller's areas with their reasons, newest first, one more than `limit`."""
    statement = (
        sa.select(PointsProposal, col(PointsText.text))
        .join(PointsText, col(PointsText.id) == col(PointsProposal.reason_id))
        .where(col(PointsProposal.type) == type, within(col(PointsProposal.area_path), principal.area_paths(Role.AREA_ADMIN)))
    )
    if status is not None:
        statement = statement.where(col(PointsProposal.status) == status)
    if after is not None:
        statement = statement.where(col(PointsProposal.id) < after)
    found = await session.exec(statement.order_by(col(PointsProposal.id).desc()).limit(limit + 1))
    return found.all()


async def clawback_of(session: AsyncSession, *, entry_id: UUID) -> UUID | None:
    """The open or approved proposal to take a line back."""
    found = await session.exec(
        sa.select(col(PointsProposal.id)).where(
            col(PointsProposal.entry_id) == entry_id, col(PointsProposal.status) != ProposalStatus.REJECTED
        )
    )
    proposal: UUID | None = found.scalars().first()
    return proposal


async def may_see_proof(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """May the caller see the proof that is attached to a proposal? Area administrators of its area may."""
    proposal = await session.get(PointsProposal, owner_id)
    return proposal is not None and principal.covers(proposal.area_path, Role.AREA_ADMIN)
