"""Posting: the one way in which a balance changes. Every transaction brings its entries, and the balance moves relative to itself.

Lock order: the member's balance row is the last and hottest row of a request; whoever posts locks everything above it first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col

from app.auth import queries as auth_queries
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points.models import Kind, LedgerAccount, PointsBalance, PointsLot
from app.points.workflow import Lot, Part

# The local day by the database's clock: it decides what has lapsed, whatever a replica's own clock says.
TODAY = auth_queries.TODAY


@dataclass(frozen=True, slots=True)
class Balance:
    """`today` is the local day on which it was locked."""

    available: int
    held: int
    debt: int
    version: int
    today: date


@dataclass(frozen=True, slots=True)
class Reference:
    """What caused a transaction: its kind, id and the number that people know."""

    type: str
    id: UUID
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry to be. What is redeemed says at which store, and in which month by its first day."""

    account: LedgerAccount
    amount: int
    lot_id: UUID | None = None
    store_id: UUID | None = None
    month: date | None = None


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

# Transaction, lot and entries in one round trip; the trigger that adds the entries up sees them together.
WRITE = sa.text("""
with line as (
  insert into points_transaction (id, member_id, kind, amount, held, balance_after, account_version, rule_code, rule_version, reason_code,
                                  reference_type, reference_id, reference_number, reverses_id, actor_id)
  values (:id, :member_id, :kind, :amount, :held, :balance_after, :version, :rule_code, :rule_version, :reason_code, :reference_type,
          :reference_id, :reference_number, :reverses_id, :actor_id)
), lot as (
  insert into points_lot (id, member_id, transaction_id, amount, remaining, expires_on)
  select :lot_id, :member_id, :id, :lot_points, :lot_points, :lot_expires_on where :lot_id is not null
)
insert into points_entry (id, transaction_id, account, member_id, lot_id, amount, balance_after, account_version, store_id, month)
select e.id, :id, e.account, case when e.balance_after is not null then :member_id end, e.lot_id, e.amount, e.balance_after, :version,
       e.store_id, e.month
  from unnest(:ids, :accounts, :lots, :amounts, :balances, :stores, :months)
    as e (id, account, lot_id, amount, balance_after, store_id, month)
""").bindparams(
    *(sa.bindparam(name, type_=sa.Uuid) for name in ("id", "member_id", "reference_id", "reverses_id", "actor_id", "lot_id")),
    *(sa.bindparam(name, type_=sa.Integer) for name in ("amount", "held", "balance_after", "version", "rule_version", "lot_points")),
    *(sa.bindparam(name, type_=sa.Text) for name in ("kind", "rule_code", "reason_code", "reference_type", "reference_number")),
    sa.bindparam("lot_expires_on", type_=sa.Date),
    *(sa.bindparam(name, type_=ARRAY(sa.Uuid)) for name in ("ids", "lots", "stores")),
    *(sa.bindparam(name, type_=ARRAY(sa.Integer)) for name in ("amounts", "balances")),
    sa.bindparam("accounts", type_=ARRAY(sa.Text)), sa.bindparam("months", type_=ARRAY(sa.Date)),
)


async def lock(session: AsyncSession, member_id: UUID) -> Balance:
    """Locks the member's balance row, making it at first sight, and returns it."""
    statement = (
        insert(PointsBalance)
        .values(member_id=member_id, available=0, held=0, debt=0, version=0)
        .on_conflict_do_update(index_elements=["member_id"], set_={"version": PointsBalance.version})
        .returning(
            col(PointsBalance.available), col(PointsBalance.held), col(PointsBalance.debt), col(PointsBalance.version), TODAY
        )
    )
    return Balance(*(await session.exec(statement)).one())


async def keep(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    """Keeps these members' balances as they are until the transaction ends: what moves them, an erasure too, waits or was waited for."""
    balances = sa.select(col(PointsBalance.member_id)).where(col(PointsBalance.member_id).in_(member_ids))
    await session.exec(balances.order_by(col(PointsBalance.member_id)).with_for_update(read=True))


async def open_lots(session: AsyncSession, member_id: UUID) -> list[Lot]:
    """The member's lots with something left. The caller holds the balance row, so they need no locks of their own."""
    rows = await session.exec(
        sa.select(col(PointsLot.id), col(PointsLot.remaining), col(PointsLot.expires_on), col(PointsLot.expires_on) < TODAY).where(
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
            .returning(
                col(PointsBalance.available), col(PointsBalance.held), col(PointsBalance.debt), col(PointsBalance.version)
            )
        )
    ).one()
    transaction_id = new_id()
    after = {LedgerAccount.AVAILABLE: row[0], LedgerAccount.HELD: row[1], LedgerAccount.DEBT: -row[2]}
    values: dict[str, Any] = {
        "id": transaction_id, "member_id": member_id, "kind": kind.value, "amount": available - debt, "held": held,
        "balance_after": row[0] - row[2], "version": row[3], "rule_code": cause.rule_code, "rule_version": cause.rule_version,
        "reason_code": cause.reason_code, "reference_type": reference.type, "reference_id": reference.id,
        "reference_number": reference.number, "reverses_id": cause.reverses_id, "actor_id": cause.actor_id,
        "lot_id": lot.id if lot else None, "lot_points": lot.points if lot else None, "lot_expires_on": lot.expires_on if lot else None,
    }
    before = {account: after[account] - moved[account] for account in OWN_ACCOUNTS}
    await session.exec(WRITE, params=values | _columns(legs, before))
    return transaction_id


def _columns(legs: Sequence[Leg], balances: dict[LedgerAccount, int]) -> dict[str, list[Any]]:
    """The entries as columns, in the order of the legs: their ids keep it. `balances`: the member's own accounts before them."""
    came_to: list[int | None] = []
    for leg in legs:
        if leg.account in balances:
            balances[leg.account] += leg.amount
        came_to.append(balances.get(leg.account))
    return {
        "ids": [new_id() for _ in legs], "accounts": [leg.account.value for leg in legs], "lots": [leg.lot_id for leg in legs],
        "amounts": [leg.amount for leg in legs], "balances": came_to, "stores": [leg.store_id for leg in legs],
        "months": [leg.month for leg in legs],
    }


async def draw(session: AsyncSession, parts: Sequence[Part]) -> None:
    """Takes each part out of its lot. No lot comes twice."""
    taken = _unnested(ids=[part.lot_id for part in parts], points=[part.points for part in parts])
    await _move(session, taken, remaining=PointsLot.remaining - taken.c.points)


async def refill(session: AsyncSession, parts: Sequence[Part], last_days: Mapping[UUID, date]) -> None:
    """Gives each part back to its lot. `last_days`: until when each lot can be spent from now on. No lot comes twice."""
    back = _unnested(
        ids=[part.lot_id for part in parts], points=[part.points for part in parts], days=[last_days[part.lot_id] for part in parts]
    )
    await _move(session, back, remaining=PointsLot.remaining + back.c.points, expires_on=back.c.days)


def _unnested(**columns: Sequence[Any]) -> sa.TableValuedAlias:
    """Rows of a statement out of columns: `ids`, `points`, `days`."""
    types: dict[str, Any] = {"ids": sa.Uuid, "points": sa.Integer, "days": sa.Date}
    arrays = [sa.literal(list(values), ARRAY(types[name])) for name, values in columns.items()]
    return sa.func.unnest(*arrays).table_valued(*(sa.column(name, types[name]) for name in columns)).render_derived()


async def _move(session: AsyncSession, moved: sa.TableValuedAlias, **values: Any) -> None:
    await session.exec(
        sa.update(PointsLot).where(col(PointsLot.id) == moved.c.ids).values(**values).execution_options(synchronize_session=False)
    )
