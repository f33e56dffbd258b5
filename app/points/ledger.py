"""Posting: the one way in which a balance changes. Every transaction brings its entries, and the balance moves relative to itself.

Lock order: the member's balance row is the last and hottest row of a request; whoever posts locks everything above it first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession
from app.points.models import Kind, LedgerAccount, PointsBalance, PointsEntry, PointsLot, PointsTransaction
from app.points.workflow import Lot, Part


@dataclass(frozen=True, slots=True)
class Balance:
    available: int
    held: int
    debt: int
    version: int


@dataclass(frozen=True, slots=True)
class Reference:
    """What caused a transaction: its kind, id and the number that people know."""

    type: str
    id: UUID
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry to be: `member` says whether the account is the member's own."""

    account: LedgerAccount
    amount: int
    lot_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: a rule with its version or a reason code, and who acted (None: the system)."""

    reason_code: str
    rule_code: str | None = None
    rule_version: int | None = None
    actor_id: UUID | None = None
    reverses_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewLot:
    """The lot that a transaction opens; its id stands in the transaction's own legs."""

    id: UUID
    points: int
    expires_on: date


OWN_ACCOUNTS = frozenset({LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.DEBT})


async def lock(session: AsyncSession, member_id: UUID) -> Balance:
    """Locks the member's balance row, making it at first sight, and returns it."""
    statement = (
        insert(PointsBalance)
        .values(member_id=member_id, available=0, held=0, debt=0, version=0)
        .on_conflict_do_update(index_elements=["member_id"], set_={"version": PointsBalance.version})
        .returning(
            col(PointsBalance.available), col(PointsBalance.held), col(PointsBalance.debt), col(PointsBalance.version)
        )
    )
    return Balance(*(await session.exec(statement)).one())


async def open_lots(session: AsyncSession, member_id: UUID) -> list[Lot]:
    """The member's lots with something left. The caller holds the balance row, so they need no locks of their own."""
    rows = await session.exec(
        sa.select(col(PointsLot.id), col(PointsLot.remaining), col(PointsLot.expires_on)).where(
            col(PointsLot.member_id) == member_id, col(PointsLot.remaining) > 0
        )
    )
    return [Lot(*row) for row in rows.all()]


async def post(
    session: AsyncSession, *, member_id: UUID, kind: Kind, legs: Sequence[Leg], reference: Reference, cause: Cause,
    lot: NewLot | None = None,
) -> UUID:
    """Writes one transaction with its entries and its lot, and moves the balance by them; returns the transaction's id.

    The legs must sum to 0 and the caller must hold the balance row (`lock`). Raises IntegrityError when the balance would go below 0.
    """
    moved = {account: sum(leg.amount for leg in legs if leg.account is account) for account in OWN_ACCOUNTS}
    available, held, debt = moved[LedgerAccount.AVAILABLE], moved[LedgerAccount.HELD], -moved[LedgerAccount.DEBT]
    row = (
        await session.exec(
            sa.update(PointsBalance)
            .where(col(PointsBalance.member_id) == member_id)
            .values(
                available=PointsBalance.available + available, held=PointsBalance.held + held, debt=PointsBalance.debt + debt,
                version=PointsBalance.version + 1,
            )
            .returning(col(PointsBalance.available) - col(PointsBalance.debt), col(PointsBalance.version))
        )
    ).one()
    transaction_id = new_id()
    await session.exec(
        insert(PointsTransaction).values(
            id=transaction_id, member_id=member_id, kind=kind, amount=available - debt, held=held, balance_after=row[0],
            account_version=row[1], rule_code=cause.rule_code, rule_version=cause.rule_version, reason_code=cause.reason_code,
            reference_type=reference.type, reference_id=reference.id, reference_number=reference.number, reverses_id=cause.reverses_id,
            actor_id=cause.actor_id,
        )
    )
    if lot is not None:
        await _open_lot(session, member_id, transaction_id, lot)
    await _write_entries(session, transaction_id, member_id, legs)
    return transaction_id


async def _write_entries(session: AsyncSession, transaction_id: UUID, member_id: UUID, legs: Iterable[Leg]) -> None:
    """All entries in one statement: the trigger that adds them up sees them together."""
    await session.exec(
        insert(PointsEntry).values([
            {
                "id": new_id(), "transaction_id": transaction_id, "account": leg.account, "lot_id": leg.lot_id, "amount": leg.amount,
                "member_id": member_id if leg.account in OWN_ACCOUNTS else None,
            }
            for leg in legs
        ])
    )


async def _open_lot(session: AsyncSession, member_id: UUID, transaction_id: UUID, lot: NewLot) -> None:
    await session.exec(
        insert(PointsLot).values(
            id=lot.id, member_id=member_id, transaction_id=transaction_id, amount=lot.points, remaining=lot.points,
            expires_on=lot.expires_on,
        )
    )


async def draw(session: AsyncSession, parts: Sequence[Part]) -> None:
    """Takes each part out of its lot."""
    for part in parts:
        await session.exec(
            sa.update(PointsLot).where(col(PointsLot.id) == part.lot_id).values(remaining=PointsLot.remaining - part.points)
        )
