"""Months of stores in lists: closed ones as they were fixed, open ones as they are now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.principal import beyond, within
from app.db.session import AsyncSession
from app.redemptions import queries_corrections, queries_settlements, workflow_settlements
from app.redemptions.models import Settlement, SettlementCorrection, SettlementLine, SettlementStatus, Verification
from app.stores.models import Store

BEGINS = "timezone('Asia/Shanghai', ({month})::timestamp)"
# A verification of an open month cannot have a line: no closing takes one of another month, unless that month is closed.
PAYABLE = """
not exists (select from verification_undo u where u.verification_id = v.id)
and (not m.late or not exists (select from settlement_line l where l.verification_id = v.id))"""
# What no closing has taken, by store and month. A list asks for many stores: so it goes through their months without a settlement, each a
# range of an index, and never through what was settled long ago. `late`: a straggler of a closed month. Nothing commits an hour after it
# was verified, so there is none but in the last hour of a month that was closed within an hour of its end.
OPEN = f"""
with open_month as (
  select st.id as store_id, st.name as store_name, st.area_path, first::date as month, {BEGINS.format(month="first")} as begins,
         {BEGINS.format(month="first + interval '1 month'")} as ends, false as late
    from store st
    cross join lateral (select timezone('Asia/Shanghai', min(verified_at)) as at from verification where store_id = st.id) began
    cross join lateral generate_series(
      greatest(date_trunc('month', began.at), cast(:first as timestamp)), cast(:last as timestamp), interval '1 month') first
   where {{scope}} and not exists (select from settlement s where s.store_id = st.id and s.month = first::date)
  union all
  select st.id, st.name, st.area_path, s.month, ended.at - interval '1 hour', ended.at, true
    from settlement s join store st on st.id = s.store_id
    cross join lateral (select {BEGINS.format(month="s.month + interval '1 month'")} as at) ended
   where {{scope}} and s.month < :last and s.closed_at < ended.at + interval '1 hour')
select m.store_id, m.store_name, m.area_path, m.month, m.late, used.count, used.cents
  from open_month m
  cross join lateral (
    select count(*)::int as count, sum(r.settlement_cents)::bigint as cents from verification v join redemption r on r.id = v.redemption_id
     where v.store_id = m.store_id and v.verified_at >= m.begins and v.verified_at < m.ends and {PAYABLE}) used
 where used.count > 0 order by m.store_id, m.month"""
DATES = (sa.bindparam("first", type_=sa.Date), sa.bindparam("last", type_=sa.Date))
OPEN_OF_STORE = sa.text(OPEN.format(scope="st.id = :store_id")).bindparams(*DATES, sa.bindparam("store_id", type_=sa.Uuid))
OPEN_OF_AREA = sa.text(OPEN.format(scope="st.area_path ~>=~ :path and st.area_path ~<~ :beyond")).bindparams(*DATES)


@dataclass(frozen=True, slots=True)
class Open:
    """What was verified at a store in a month and is in no settlement. `late`: the month is closed, the next one takes it."""

    store_id: UUID
    store_name: str
    area_path: str
    month: date
    late: bool
    count: int
    cents: int


@dataclass(frozen=True, slots=True)
class Month:
    """`settlement` None: it is open. `total_cents` is with its corrections."""

    store_id: UUID
    store_name: str
    month: date
    settlement: Settlement | None
    count: int
    total_cents: int

    @property
    def status(self) -> SettlementStatus:
        return SettlementStatus.OPEN if self.settlement is None else self.settlement.status


async def open_in_area(session: AsyncSession, *, path: str, first: date | None, last: date) -> list[Open]:
    """Between two months, both included; None: from the very first on. The empty path is everywhere."""
    scope = {"path": path, "beyond": beyond(path) if path else "~"}
    return [Open(*row) for row in (await session.exec(OPEN_OF_AREA, params={**scope, "first": first, "last": last})).all()]


async def of_store(session: AsyncSession, store: Store, *, limit: int, before: date | None) -> tuple[list[Month], date]:
    """The store's months from its first to the running one, newest first, one more than `limit`; and today by the database's clock."""
    today = await queries_settlements.today(session)
    months = _back(clock.month_start(today), await _first(session, store), before, limit + 1)
    if not months:
        return [], today
    span = {"store_id": store.id, "first": months[-1], "last": months[0]}
    opened = [Open(*row) for row in (await session.exec(OPEN_OF_STORE, params=span)).all()]
    closed = {row.month: (row, count, cents) for row, count, cents, _ in await _closed(session, _at(store, months))}
    waiting = await queries_corrections.waiting(session, store_id=store.id)
    shown = []
    for month in months:
        if month in closed:
            shown.append(Month(store.id, store.name, month, *closed[month]))
        else:
            due = [one for one, shut in waiting if one.month == month or (shut and one.month < month)]
            shown.append(_as_it_is(store.id, store.name, month, opened, due))
    return shown, today


async def of_area(session: AsyncSession, *, path: str, month: date) -> list[Month]:
    """Every store of an area that is paid for a month, or would be if it were closed now, newest store first."""
    here = sa.and_(within(col(Store.area_path), [path]), col(Settlement.month) == month)
    shown = {
        row.store_id: Month(row.store_id, row.store_name or name, month, row, count, cents)
        for row, count, cents, name in await _closed(session, here)
    }
    opened: dict[UUID, list[Open]] = {}
    due: dict[UUID, list[SettlementCorrection]] = {}
    names: dict[UUID, str] = {}
    for row in await open_in_area(session, path=path, first=month, last=month):
        opened.setdefault(row.store_id, []).append(row)
        names[row.store_id] = row.store_name
    for store, one in await queries_corrections.due_in_area(session, path=path, month=month):
        due.setdefault(store.id, []).append(one)
        names[store.id] = store.name
    for store_id in names.keys() - shown.keys():
        shown[store_id] = _as_it_is(store_id, names[store_id], month, opened.get(store_id, ()), due.get(store_id, ()))
    return sorted(shown.values(), key=lambda one: one.store_id, reverse=True)


def _as_it_is(store_id: UUID, name: str, month: date, opened: Iterable[Open], due: Iterable[SettlementCorrection]) -> Month:
    """An open month as it would be closed now: its own verifications, and stragglers."""
    own = [row for row in opened if row.month == month or (row.late and row.month < month)]
    cents = sum(row.cents for row in own)
    corrected = sum(one.cents for one in workflow_settlements.fitting(cents, due))
    return Month(store_id, name, month, None, sum(row.count for row in own), cents + corrected)


def _back(running: date, first: date, before: date | None, most: int) -> list[date]:
    """Months by their first days, newest first."""
    months: list[date] = []
    month = running if before is None or before > running else _previous(before)
    while month >= first and len(months) < most:
        months.append(month)
        month = _previous(month)
    return months


def _previous(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


async def _first(session: AsyncSession, store: Store) -> date:
    """The month in which the store came, or of what is older than it."""
    used = sa.select(sa.func.min(Verification.verified_at)).where(col(Verification.store_id) == store.id).scalar_subquery()
    settled = sa.select(sa.func.min(Settlement.month)).where(col(Settlement.store_id) == store.id).scalar_subquery()
    at, month = (await session.exec(sa.select(used, settled))).one()
    came: list[date] = [clock.month_start(clock.local_day(instant)) for instant in (store.created_at, at) if instant]
    return min([*came, month] if month else came)


def _at(store: Store, months: Sequence[date]) -> sa.ColumnElement[bool]:
    return sa.and_(col(Settlement.store_id) == store.id, sa.between(col(Settlement.month), months[-1], months[0]))


async def _closed(session: AsyncSession, wanted: sa.ColumnElement[bool]) -> Sequence[Any]:
    """Closed months, how many lines each has, what it comes to, and its store's name. Releases before 0040 kept neither figure: then the
    lines are counted.
    """
    of = col(SettlementLine.settlement_id) == col(Settlement.id)
    lines = sa.select(sa.func.count()).where(of).scalar_subquery()
    cents = sa.select(sa.func.coalesce(sa.func.sum(SettlementLine.cents), 0)).where(of).scalar_subquery()
    found = await session.exec(
        sa.select(
            Settlement, sa.func.coalesce(col(Settlement.lines), lines), sa.func.coalesce(col(Settlement.total_cents), cents),
            col(Store.name),
        )
        .join(Store, col(Store.id) == col(Settlement.store_id))
        .where(wanted)
    )
    return found.all()
