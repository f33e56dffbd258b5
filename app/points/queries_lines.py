"""The lines of a member's ledger with what explains them: a fixed number of statements for a page, however many lots they touched."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.points.models import (
    LEFT,
    Kind,
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


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger, with the title of the version that gave it, what caps withheld of it, the line that it took back, and the
    words of whoever asked."""

    id: UUID
    kind: Kind
    amount: int
    held: int
    balance_after: int
    rule_code: str | None
    rule_version: int | None
    reason_code: str
    reference_type: str
    reference_id: UUID
    reference_number: str | None
    created_at: datetime
    title: str | None
    withheld: int | None
    withheld_reason: Any
    withheld_cap: Any
    taken_type: str | None
    taken_number: str | None
    taken_from: datetime | None
    words: str | None


OWN = [name for name in Line.__dataclass_fields__ if hasattr(PointsTransaction, name)]


async def lines(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> list[Line]:
    """The member's lines, newest first, one more than `limit`."""
    rows = await _lines(after is not None).all(session, member_id=member_id, after=after, most=limit + 1)
    return [Line(**row) for row in rows]


@lru_cache
def _lines(further: bool) -> Prepared:
    line = PointsTransaction
    statement = (
        sa.select(
            *(col(getattr(line, name)) for name in OWN), col(PointsRule.title), col(PointsAward.withheld), col(PointsAward.withheld_reason),
            col(PointsAward.withheld_cap), col(Taken.reference_type).label("taken_type"), col(Taken.reference_number).label("taken_number"),
            col(Taken.created_at).label("taken_from"), col(PointsText.text).label("words"),
        )
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
        .where(col(line.member_id) == sa.bindparam("member_id", type_=sa.Uuid))
    )
    if further:
        statement = statement.where(col(line.id) < sa.bindparam("after", type_=sa.Uuid))
    return Prepared(statement.order_by(col(line.id).desc()).limit(sa.bindparam("most", type_=sa.Integer)))


async def touched(session: AsyncSession, *, line_ids: Collection[UUID]) -> dict[UUID, Touched]:
    rows = await TOUCHED.all(session, ids=list(line_ids))
    known = {row["transaction_id"]: Touched(**{name: value for name, value in row.items() if name != "transaction_id"}) for row in rows}
    for row in await OPENED.all(session, ids=list(line_ids)):
        known[row["transaction_id"]].opened.append((row["remaining"], row["expires_on"]))
    return known


def _touched() -> sa.Select[*tuple[Any, ...]]:
    debt = col(PointsEntry.account) == LedgerAccount.DEBT
    drawn = sa.and_(col(PointsEntry.account) == LedgerAccount.AVAILABLE, col(PointsEntry.amount) < 0)
    points, came = sa.func.sum(PointsEntry.amount), col(PointsLot.created_at)
    return (
        sa.select(
            col(PointsEntry.transaction_id), sa.func.coalesce(points.filter(debt, col(PointsEntry.amount) > 0), 0).label("settled"),
            sa.func.coalesce(-points.filter(debt, col(PointsEntry.amount) < 0), 0).label("owed"),
            sa.func.count(col(PointsLot.id)).filter(drawn).label("lots"), sa.func.min(came).filter(drawn).label("first"),
            sa.func.max(came).filter(drawn).label("last"),
        )
        .outerjoin(PointsLot, col(PointsLot.id) == col(PointsEntry.lot_id))
        .where(col(PointsEntry.transaction_id) == sa.any_(IDS))
        .group_by(col(PointsEntry.transaction_id))
    )


IDS = sa.bindparam("ids", type_=ARRAY(sa.Uuid))
TOUCHED = Prepared(_touched())
OPENED = Prepared(
    sa.select(col(PointsLot.transaction_id), col(PointsLot.remaining), col(PointsLot.expires_on))
    .where(col(PointsLot.transaction_id) == sa.any_(IDS), LEFT)
    .order_by(col(PointsLot.expires_on), col(PointsLot.id))
)
