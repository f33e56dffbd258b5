"""Every SELECT of corrections. One that no month has taken belongs to the first open month from its own on."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import within
from app.db.session import AsyncSession
from app.errors import NotFound
from app.redemptions.models import CorrectionStatus, RedemptionText, Settlement, SettlementCorrection, Verification
from app.stores.models import Store

CLOSED = sa.exists().where(
    col(Settlement.store_id) == col(SettlementCorrection.store_id), col(Settlement.month) == col(SettlementCorrection.month)
)
WAITING = col(SettlementCorrection.settlement_id).is_(None)


def of_open(month: date | sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Corrections that an open month would take: its own, and those of earlier months that were closed without them."""
    own = col(SettlementCorrection.month)
    return sa.and_(WAITING, sa.or_(own == month, sa.and_(own < month, CLOSED)))


async def due(session: AsyncSession, *, store_id: UUID, month: date, lock: bool = False) -> Sequence[SettlementCorrection]:
    """The approved ones for an open month, oldest first."""
    statement = (
        sa.select(SettlementCorrection)
        .where(
            col(SettlementCorrection.store_id) == store_id, col(SettlementCorrection.status) == CorrectionStatus.APPROVED, of_open(month)
        )
        .order_by(col(SettlementCorrection.id))
    )
    if lock:
        statement = statement.with_for_update(of=SettlementCorrection).execution_options(populate_existing=True)
    found = await session.exec(statement)
    rows: Sequence[SettlementCorrection] = found.scalars().all()
    return rows


async def due_in_area(session: AsyncSession, *, path: str, month: date) -> Sequence[tuple[Store, SettlementCorrection]]:
    """The same for every store of an area."""
    found = await session.exec(
        sa.select(Store, SettlementCorrection)
        .join(SettlementCorrection, col(SettlementCorrection.store_id) == col(Store.id))
        .where(
            within(col(Store.area_path), [path]), col(SettlementCorrection.status) == CorrectionStatus.APPROVED, of_open(month)
        )
        .order_by(col(SettlementCorrection.id))
    )
    return [(row[0], row[1]) for row in found.all()]


async def waiting(session: AsyncSession, *, store_id: UUID) -> Sequence[tuple[SettlementCorrection, bool]]:
    """The store's approved ones that no month has taken, oldest first, and whether their own month is closed."""
    found = await session.exec(
        sa.select(SettlementCorrection, CLOSED)
        .where(col(SettlementCorrection.store_id) == store_id, col(SettlementCorrection.status) == CorrectionStatus.APPROVED, WAITING)
        .order_by(col(SettlementCorrection.id))
    )
    return [(row[0], row[1]) for row in found.all()]


async def shown(
    session: AsyncSession, *, store_id: UUID, month: date, settlement: Settlement | None
) -> Sequence[tuple[SettlementCorrection, str | None]]:
    """With their reasons, oldest first: those that a closed month took; of an open one those that it would take, pending ones and those
    of its own that were rejected.
    """
    if settlement is not None:
        wanted = col(SettlementCorrection.settlement_id) == settlement.id
    else:
        rejected = col(SettlementCorrection.status) == CorrectionStatus.REJECTED
        wanted = sa.and_(of_open(month), sa.or_(sa.not_(rejected), col(SettlementCorrection.month) == month))
    found = await session.exec(
        sa.select(SettlementCorrection, col(RedemptionText.text))
        .join(RedemptionText, col(RedemptionText.id) == col(SettlementCorrection.reason_id))
        .where(col(SettlementCorrection.store_id) == store_id, wanted)
        .order_by(col(SettlementCorrection.id))
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in found.all()]


async def reason(session: AsyncSession, correction: SettlementCorrection) -> str | None:
    found = await session.exec(sa.select(col(RedemptionText.text)).where(col(RedemptionText.id) == correction.reason_id))
    text: str | None = found.scalar_one()
    return text


async def lock(session: AsyncSession, *, store_id: UUID, month: date, correction_id: UUID) -> SettlementCorrection:
    """One of this store's, of this month or carried on into it, locked and fresh. Raises NotFound."""
    found = await session.exec(
        sa.select(SettlementCorrection)
        .where(
            col(SettlementCorrection.id) == correction_id, col(SettlementCorrection.store_id) == store_id,
            col(SettlementCorrection.month) <= month,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    correction: SettlementCorrection | None = found.scalars().first()
    if correction is None:
        raise NotFound
    return correction


async def is_used_at(session: AsyncSession, verification_id: UUID, *, store_id: UUID) -> bool:
    found = await session.exec(
        sa.select(sa.literal(1)).where(col(Verification.id) == verification_id, col(Verification.store_id) == store_id)
    )
    return found.first() is not None


async def export(session: AsyncSession, *, member_id: UUID) -> list[dict[str, Any]]:
    """What a person proposed or decided as an administrator; the sentences are copied with the others."""
    found = await session.exec(
        sa.select(SettlementCorrection)
        .where(sa.or_(col(SettlementCorrection.proposed_by) == member_id, col(SettlementCorrection.decided_by) == member_id))
        .order_by(col(SettlementCorrection.id))
    )
    return [
        {
            "id": str(row.id), "month": f"{row.month:%Y-%m}", "cents": row.cents, "status": row.status.value,
            "proposed": row.proposed_by == member_id, "at": row.created_at.isoformat(),
        }
        for row in found.scalars().all()
    ]
