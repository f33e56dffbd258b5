"""The lines of a member's ledger with what explains them: a fixed number of statements for a page, however many lots they touched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.points.models import (
    LedgerAccount,
    PointsAward,
    PointsEntry,
    PointsLot,
    PointsProposal,
    PointsRule,
    PointsText,
    PointsTransaction,
)

Taken = aliased(PointsTransaction)


@dataclass(slots=True)
class Touched:
    """What a line did: the debt that it settled, the debt that it left; the lots it emptied or drew from, and when they had come.

    `opened`: what the lot that it opened still holds, and its last day.
    """

    settled: int = 0
    owed: int = 0
    lots: int = 0
    first: datetime | None = None
    last: datetime | None = None
    opened: list[tuple[int, date]] = field(default_factory=list)


async def lines(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Any]:
    """The member's lines, newest first, one more than `limit`.

    Each with the title of the version that gave it, what caps withheld of it, the line that it took back, and the words of whoever asked.
    """
    line = PointsTransaction
    shown: list[Any] = [
        line, col(PointsRule.title), col(PointsAward.withheld), col(PointsAward.withheld_reason), col(PointsAward.withheld_cap),
        col(Taken.reference_type).label("taken_type"), col(Taken.reference_number).label("taken_number"),
        col(Taken.created_at).label("taken_from"), col(PointsText.text).label("words"),
    ]
    statement = (
        sa.select(*shown)
        .outerjoin(PointsRule, sa.and_(col(PointsRule.code) == col(line.rule_code), col(PointsRule.version) == col(line.rule_version)))
        .outerjoin(
            PointsAward,
            sa.and_(
                col(PointsAward.rule_code) == col(line.rule_code), col(PointsAward.source_type) == col(line.reference_type),
                col(PointsAward.source_id) == col(line.reference_id), col(PointsAward.member_id) == col(line.member_id),
            ),
        )
        .outerjoin(Taken, col(Taken.id) == col(line.reverses_id))
        .outerjoin(PointsProposal, col(PointsProposal.id) == col(line.reference_id))
        .outerjoin(PointsText, col(PointsText.id) == col(PointsProposal.reason_id))
        .where(col(line.member_id) == member_id)
    )
    if after is not None:
        statement = statement.where(col(line.id) < after)
    return (await session.exec(statement.order_by(col(line.id).desc()).limit(limit + 1))).all()


async def touched(session: AsyncSession, *, line_ids: Collection[UUID]) -> dict[UUID, Touched]:
    debt = col(PointsEntry.account) == LedgerAccount.DEBT
    drawn = sa.and_(col(PointsEntry.account) == LedgerAccount.AVAILABLE, col(PointsEntry.amount) < 0)
    points, came = sa.func.sum(PointsEntry.amount), col(PointsLot.created_at)
    found = await session.exec(
        sa.select(
            col(PointsEntry.transaction_id), sa.func.coalesce(points.filter(debt, col(PointsEntry.amount) > 0), 0),
            sa.func.coalesce(-points.filter(debt, col(PointsEntry.amount) < 0), 0), sa.func.count(col(PointsLot.id)).filter(drawn),
            sa.func.min(came).filter(drawn), sa.func.max(came).filter(drawn),
        )
        .outerjoin(PointsLot, col(PointsLot.id) == col(PointsEntry.lot_id))
        .where(col(PointsEntry.transaction_id).in_(line_ids))
        .group_by(col(PointsEntry.transaction_id))
    )
    known = {row[0]: Touched(*row[1:]) for row in found.all()}
    opened = await session.exec(
        sa.select(col(PointsLot.transaction_id), col(PointsLot.remaining), col(PointsLot.expires_on))
        .where(col(PointsLot.transaction_id).in_(line_ids), col(PointsLot.remaining) > 0)
        .order_by(col(PointsLot.expires_on), col(PointsLot.id))
    )
    for line_id, remaining, expires_on in opened.all():
        known[line_id].opened.append((remaining, expires_on))
    return known
