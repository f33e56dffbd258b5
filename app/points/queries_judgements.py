"""Every judgement about a person: awards with what was credited and what was not, and confirmations that wait or were refused."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.points import workflow_conditions
from app.points.models import PointsAward, PointsProposal, PointsText, PointsTransaction
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation, PointsEarningStop

UNTOLD = sa.null()


async def judgements(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Any]:
    """A member's, newest first, one more than `limit`. One that was confirmed is the award that it became."""
    parts = [_page(statement, key, limit, after) for statement, key in (_awards(member_id), _waits(member_id))]
    both = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
    found = await session.exec(sa.select(both).order_by(both.c.id.desc()).limit(limit + 1))
    return found.all()


async def copy(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """All of them, the awards by people about a person and the stops of their earning, for the copy of one's data."""
    found = await session.exec(
        sa.select(PointsProposal).where(col(PointsProposal.member_id) == member_id, col(PointsProposal.type) == "award")
        .order_by(col(PointsProposal.id))
    )
    stops = await session.exec(
        sa.select(PointsEarningStop).where(col(PointsEarningStop.member_id) == member_id).order_by(col(PointsEarningStop.id))
    )
    return {
        "judgements": [
            {
                "rule": row.rule_code, "reference": row.source_number, "filed_on": row.filed_on.isoformat(), "credited": row.credited,
                "withheld": row.withheld, "reason": row.reason, "at": row.created_at.isoformat(),
            }
            for statement, _ in (_awards(member_id), _waits(member_id)) for row in (await session.exec(statement)).all()
        ],
        "awards_by_people": [
            {
                "rule": row.rule_code, "points": row.amount, "status": row.status.value, "report": row.report_number,
                "at": row.created_at.isoformat(),
            }
            for row in found.scalars().all()
        ],
        "earning_stops": [
            {
                "from": row.starts_on.isoformat(), "until": row.until.isoformat(),
                "lifted_at": row.lifted_at.isoformat() if row.lifted_at else None,
            }
            for row in stops.scalars().all()
        ],
    }


def _page(
    statement: sa.Select[*tuple[Any, ...]], key: Any, limit: int, after: UUID | None
) -> sa.Select[*tuple[Any, ...]]:
    if after is not None:
        statement = statement.where(key < after)
    return statement.order_by(key.desc()).limit(limit + 1)


def _awards(member_id: UUID) -> tuple[sa.Select[*tuple[Any, ...]], Any]:
    """The number of the source stands in the award; of one that an earlier release wrote, in the line that credited it."""
    number = sa.func.coalesce(PointsAward.source_number, PointsTransaction.reference_number)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(PointsAward.id), col(PointsAward.created_at), col(PointsAward.rule_code), col(PointsAward.source_type),
            col(PointsAward.source_id), number.label("source_number"), col(PointsAward.filed_on), col(PointsAward.credited),
            col(PointsAward.withheld), col(PointsAward.withheld_reason).label("reason"), col(PointsAward.withheld_cap).label("cap"),
            sa.cast(UNTOLD, sa.Text).label("words"),
        )
        .outerjoin(PointsTransaction, col(PointsTransaction.id) == col(PointsAward.transaction_id))
        .where(col(PointsAward.member_id) == member_id)
    )
    return statement, col(PointsAward.id)


def _waits(member_id: UUID) -> tuple[sa.Select[*tuple[Any, ...]], Any]:
    refused = col(PointsConfirmation.status) == ConfirmationStatus.REFUSED
    reason = sa.case((refused, workflow_conditions.SECOND_REVIEWER_REFUSED), else_=workflow_conditions.SECOND_REVIEWER)
    statement: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            col(PointsConfirmation.id), col(PointsConfirmation.created_at), col(PointsConfirmation.rule_code),
            col(PointsConfirmation.source_type), col(PointsConfirmation.source_id), col(PointsConfirmation.source_number),
            col(PointsConfirmation.filed_on), sa.literal(0).label("credited"), col(PointsConfirmation.points).label("withheld"),
            reason.label("reason"), sa.cast(UNTOLD, sa.Integer).label("cap"), col(PointsText.text).label("words"),
        )
        .outerjoin(PointsText, col(PointsText.id) == col(PointsConfirmation.reason_id))
        .where(col(PointsConfirmation.member_id) == member_id, col(PointsConfirmation.status) != ConfirmationStatus.CONFIRMED)
    )
    return statement, col(PointsConfirmation.id)
