"""Posting: the one way in which a balance changes. Every transaction brings its entries, and the balance moves relative to itself.

Lock order: the member's balance row is the last and hottest row of a request; whoever posts locks everything above it first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import SQLModel, col

from app.auth import queries as auth_queries
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.points.models import LEFT, Kind, LedgerAccount, PointsBalance, PointsLot
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


@dataclass(frozen=True, slots=True)
class Shift:
    """So many points into a lot, or out of it (below 0); with a last day, the lot can be spent until then from now on."""

    lot_id: UUID
    points: int
    last_day: date | None = None


OWN_ACCOUNTS = frozenset({LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.DEBT})

# Both are put together once: every order, award and cancellation asks them.
BALANCES = SQLModel.metadata.tables["points_balance"]
LOCK = Prepared(
    insert(BALANCES)
    .values(member_id=sa.bindparam("owner_id", type_=sa.Uuid), available=0, held=0, debt=0, version=0)
    .on_conflict_do_update(index_elements=["member_id"], set_={"version": BALANCES.c.version})
    .returning(BALANCES.c.available, BALANCES.c.held, BALANCES.c.debt, BALANCES.c.version, TODAY.label("today"))
)
OPEN_LOTS = Prepared(
    sa.select(
        col(PointsLot.id), col(PointsLot.remaining), col(PointsLot.expires_on), (col(PointsLot.expires_on) < TODAY).label("lapsed")
    ).where(col(PointsLot.member_id) == sa.bindparam("owner_id", type_=sa.Uuid), LEFT)
)
# Balance, lots, transaction and entries in one round trip; the trigger that adds the entries up sees them together. What an entry came
# to is what the balance came to, less what later entries of this transaction still add to the same account.
WRITING = """
with balance as (
  update points_balance
     set available = available + :to_available, held = held + :held, debt = debt + :to_debt, version = version + 1
   where member_id = :member_id
  returning available, held, debt, version
), shifted as (
  update points_lot l set remaining = l.remaining + s.points, expires_on = coalesce(s.last_day, l.expires_on)
    from unnest(:shifted_lots, :shifts, :last_days) as s (id, points, last_day) where l.id = s.id
), line as (
  insert into points_transaction (id, member_id, kind, amount, held, balance_after, account_version, rule_code, rule_version, reason_code,
                                  reference_type, reference_id, reference_number, reverses_id, actor_id)
  select :id, :member_id, :kind, :amount, :held, b.available - b.debt, b.version, :rule_code, :rule_version, :reason_code, :reference_type,
         :reference_id, :reference_number, :reverses_id, :actor_id from balance b
), lot as (
  insert into points_lot (id, member_id, transaction_id, amount, remaining, expires_on)
  select :lot_id, :member_id, :id, :lot_points, :lot_points, :lot_expires_on where :lot_id is not null
){}
insert into points_entry (id, transaction_id, account, member_id, lot_id, amount, balance_after, account_version, store_id, month)
select e.id, :id, e.account, case when e.account in ('available', 'held', 'debt') then :member_id end, e.lot_id, e.amount,
       case e.account when 'available' then b.available when 'held' then b.held when 'debt' then -b.debt end - e.still_to_come, b.version,
       e.store_id, e.month
  from balance b,
       unnest(:ids, :accounts, :lots, :amounts, :still_to_come, :stores, :months)
         as e (id, account, lot_id, amount, still_to_come, store_id, month)
returning 1
"""
BINDS = (
    *(sa.bindparam(name, type_=sa.Uuid) for name in ("id", "member_id", "reference_id", "reverses_id", "actor_id", "lot_id")),
    *(sa.bindparam(name, type_=sa.Integer) for name in ("amount", "to_available", "held", "to_debt", "rule_version", "lot_points")),
    *(sa.bindparam(name, type_=sa.Text) for name in ("kind", "rule_code", "reason_code", "reference_type", "reference_number")),
    sa.bindparam("lot_expires_on", type_=sa.Date),
    *(sa.bindparam(name, type_=ARRAY(sa.Uuid)) for name in ("ids", "lots", "stores", "shifted_lots")),
    *(sa.bindparam(name, type_=ARRAY(sa.Integer)) for name in ("amounts", "still_to_come", "shifts")),
    *(sa.bindparam(name, type_=ARRAY(sa.Date)) for name in ("months", "last_days")),
    sa.bindparam("accounts", type_=ARRAY(sa.Text)),
)
# What was judged of an award stands by the transaction, or alone where nothing was credited.
JUDGING = """
insert into points_award (id, member_id, rule_code, rule_version, source_type, source_id, source_number, filed_on, area_path, points_each,
                          units, units_credited, credited, withheld, withheld_reason, withheld_cap, once_key, transaction_id)
select :award_id, :member_id, :rule_code, :rule_version, :reference_type, :reference_id, :reference_number, :filed_on, :area_path,
       :points_each, :units, :units_credited, :credited, :withheld, :withheld_reason, :withheld_cap, :once_key, :id
"""
JUDGED = (
    sa.bindparam("award_id", type_=sa.Uuid), sa.bindparam("filed_on", type_=sa.Date),
    *(sa.bindparam(name, type_=sa.Integer) for name in (
        "points_each", "units", "units_credited", "credited", "withheld", "withheld_cap",
    )),
    *(sa.bindparam(name, type_=sa.Text) for name in ("area_path", "withheld_reason", "once_key")),
)
OF_AWARD = {"id", "member_id", "rule_code", "rule_version", "reference_type", "reference_id", "reference_number"}
WRITE = Prepared(sa.text(WRITING.format("")).bindparams(*BINDS))
WRITE_AWARD = Prepared(sa.text(WRITING.format(f", award as ({JUDGING})")).bindparams(*BINDS, *JUDGED))
NOTE_AWARD = Prepared(sa.text(JUDGING).bindparams(*(bind for bind in BINDS if bind.key in OF_AWARD), *JUDGED))


async def lock(session: AsyncSession, member_id: UUID) -> Balance:
    """Locks the member's balance row, making it at first sight, and returns it; from now on this member's books are open to the work."""
    await acting.work_on(session, member_id, Reason.LEDGER)
    [row] = await LOCK.all(session, owner_id=member_id)
    return Balance(**row)


async def keep(session: AsyncSession, member_ids: Collection[UUID]) -> None:
    """Keeps these members' balances as they are until the transaction ends: what moves them, an erasure too, waits or was waited for."""
    balances = sa.select(col(PointsBalance.member_id)).where(col(PointsBalance.member_id).in_(member_ids))
    await session.exec(balances.order_by(col(PointsBalance.member_id)).with_for_update(read=True))


async def open_lots(session: AsyncSession, member_id: UUID) -> list[Lot]:
    """The member's lots with something left. The caller holds the balance row, so they need no locks of their own."""
    return [Lot(**row) for row in await OPEN_LOTS.all(session, owner_id=member_id)]


async def post(
    session: AsyncSession, *, member_id: UUID, kind: Kind, legs: Sequence[Leg], reference: Reference, cause: Cause,
    lot: NewLot | None = None, shifts: Sequence[Shift] = (), judgement: Mapping[str, Any] | None = None,
) -> UUID:
    """Writes one transaction with its entries and its lot, and moves the balance and lots by them; returns the transaction's id.

    `judgement`: what an award by a rule was judged to be, written along.

    The legs must sum to 0, no lot may come twice in `shifts`, and the caller must hold the balance row (`lock`). Raises IntegrityError
    when the balance, or a lot, would go below 0.
    """
    moved = {account: sum(leg.amount for leg in legs if leg.account is account) for account in OWN_ACCOUNTS}
    available, held, debt = moved[LedgerAccount.AVAILABLE], moved[LedgerAccount.HELD], -moved[LedgerAccount.DEBT]
    transaction_id = new_id()
    values: dict[str, Any] = {
        "id": transaction_id, "member_id": member_id, "kind": kind.value, "amount": available - debt, "to_available": available,
        "held": held, "to_debt": debt, "rule_code": cause.rule_code, "rule_version": cause.rule_version,
        "reason_code": cause.reason_code, "reference_type": reference.type, "reference_id": reference.id,
        "reference_number": reference.number, "reverses_id": cause.reverses_id, "actor_id": cause.actor_id,
        "lot_id": lot.id if lot else None, "lot_points": lot.points if lot else None, "lot_expires_on": lot.expires_on if lot else None,
        "shifted_lots": [shift.lot_id for shift in shifts], "shifts": [shift.points for shift in shifts],
        "last_days": [shift.last_day for shift in shifts],
    }
    values |= _columns(legs, moved)
    if judgement is None:
        written = await WRITE.all(session, **values)
    else:
        written = await WRITE_AWARD.all(session, **{**values, **judgement}, award_id=new_id())
    assert len(written) == len(legs)  # the caller holds the balance row, so it is there
    return transaction_id


async def note(
    session: AsyncSession, *, member_id: UUID, reference: Reference, cause: Cause, judgement: Mapping[str, Any]
) -> None:
    """What was judged of an award that credits nothing."""
    values = {
        "id": None, "member_id": member_id, "rule_code": cause.rule_code, "rule_version": cause.rule_version,
        "reference_type": reference.type, "reference_id": reference.id, "reference_number": reference.number, "award_id": new_id(),
    }
    await NOTE_AWARD.all(session, **{**values, **judgement})


def _columns(legs: Sequence[Leg], moved: Mapping[LedgerAccount, int]) -> dict[str, list[Any]]:
    """The entries as columns, in the order of the legs: their ids keep it. `moved`: what they add to each of the member's own accounts."""
    rest, still_to_come = dict(moved), []
    for leg in legs:
        if leg.account in rest:
            rest[leg.account] -= leg.amount
        still_to_come.append(rest.get(leg.account))
    return {
        "ids": [new_id() for _ in legs], "accounts": [leg.account.value for leg in legs], "lots": [leg.lot_id for leg in legs],
        "amounts": [leg.amount for leg in legs], "still_to_come": still_to_come, "stores": [leg.store_id for leg in legs],
        "months": [leg.month for leg in legs],
    }


def drawn(parts: Iterable[Part]) -> list[Shift]:
    """Each part out of its lot."""
    return [Shift(part.lot_id, -part.points) for part in parts]
