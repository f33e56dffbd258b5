"""Sums over an area: points by where members work, cents by where stores lie. Never a person, never a ranking."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.principal import Principal, beyond, within
from app.auth.roles import Role
from app.budgets import service
from app.budgets.figures import ASKED, COUNTED, FLOWS, LINES, summed
from app.budgets.workflow import Flows
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.redemptions import queries_corrections, queries_months, queries_settlements
from app.redemptions.models import CorrectionStatus, Settlement, SettlementCorrection, SettlementLine, SettlementStatus
from app.stores.models import Store

# Balances and months in one statement: they are of one instant and tie out whatever is written meanwhile. One pass over the balances
# sums up those of the area and finds who is ahead of the count; of these few the lines are read.
POINTS = sa.text(f"""
with balance as materialized (
  select c.member_id is not null as known, sum(b.available) as available, sum(b.held) as held, sum(b.debt) as debt,
         array_agg(b.member_id) filter (where c.member_id is null or b.version > c.version) as ahead
    from points_balance b left join budget_member c on c.member_id = b.member_id
   where c.member_id is null or ({ASKED.format(column="c.area_path")}) group by 1),
moves as materialized (
  select * from (
    select b.member_id, 1 as sign, {COUNTED.format(member="b.member_id")} as area_path, coalesce(c.version, 0) as above, b.version as upto,
           c.member_id is not null as known, b.available, b.held, b.debt
      from balance cross join lateral unnest(ahead) as one (member_id)
      join points_balance b on b.member_id = one.member_id
      left join budget_member c on c.member_id = b.member_id) ahead
   where {ASKED.format(column="area_path")}),
{LINES}
select month, {summed()}, 0::bigint as available, 0::bigint as held, 0::bigint as debt
  from (select * from budget_month where {ASKED.format(column="area_path")} union all select * from flows) as both_of_them group by month
union all
select null, {", ".join("0" for _ in FLOWS)}, coalesce(sum(available), 0)::bigint, coalesce(sum(held), 0)::bigint,
       coalesce(sum(debt), 0)::bigint
  from (select available, held, debt from balance where known union all select available, held, debt from moves where not known) as each""")
LAPSES = sa.text(f"""
select lapses_on, sum(points)::bigint as points, min(counted_at) as counted_at from budget_lapse
 where {ASKED.format(column="area_path")} group by lapses_on order by lapses_on""")
# By the week (its Monday) of the last day on which the code works.
ORDERS = sa.text(f"""
select date_trunc('week', (r.expires_at - interval '1 second') at time zone 'Asia/Shanghai')::date as week, count(*) as orders,
       sum(r.points)::bigint as points, sum(r.settlement_cents)::bigint as cents
  from redemption r left join budget_member c on c.member_id = r.member_id
 where r.status = 'issued' and {ASKED.format(column=COUNTED.format(member="r.member_id"))}
 group by 1 order by 1""")


@dataclass(frozen=True, slots=True)
class Points:
    """Of an area now; `months` by their first days."""

    available: int
    held: int
    debt: int
    months: dict[date, Flows]

    @property
    def liability(self) -> int:
        return self.available + self.held - self.debt


@dataclass(frozen=True, slots=True)
class Sums:
    """So many months of stores, and what they come to. `overdue`: of the confirmed ones, those that should have been paid by now."""

    months: int
    cents: int
    overdue: int = 0


async def access_area(session: AsyncSession, *, principal: Principal, area_id: UUID) -> Area:
    """Raises Forbidden for who administers no area, NotFound for an area outside the caller's own."""
    if not principal.has(Role.AREA_ADMIN):
        raise Forbidden
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise NotFound
    await acting.as_service(session, Reason.FIGURES)
    return area


async def points(session: AsyncSession, *, path: str) -> Points:
    rows = (await session.exec(POINTS, params=await _asked(session, path))).all()
    balance = next(row for row in rows if row.month is None)
    months = {row.month: Flows(*(getattr(row, name) for name in FLOWS)) for row in rows if row.month is not None}
    return Points(balance.available, balance.held, balance.debt, months)


async def lapses(session: AsyncSession, *, path: str) -> tuple[list[tuple[date, int]], datetime | None]:
    """(last day, points), and when they were counted; None: nothing was there to count."""
    rows = (await session.exec(LAPSES, params={"path": path, "beyond": beyond(path)})).all()
    return [(row.lapses_on, row.points) for row in rows], min((row.counted_at for row in rows), default=None)


async def orders(session: AsyncSession, *, path: str) -> list[dict[str, Any]]:
    """What lives, by the week in which it ends."""
    found = await session.exec(ORDERS, params=await _asked(session, path))
    return [dict(row) for row in found.mappings().all()]


async def settled(session: AsyncSession, *, path: str) -> dict[SettlementStatus, Sums]:
    """The closed months of the area's stores by where they stand."""
    counted = sa.select(sa.func.coalesce(sa.func.sum(SettlementLine.cents), 0)).where(
        col(SettlementLine.settlement_id) == col(Settlement.id)
    )
    cents = sa.func.coalesce(col(Settlement.total_cents), counted.scalar_subquery())
    late = sa.and_(col(Settlement.status) == SettlementStatus.CONFIRMED, col(Settlement.pay_by) < queries_settlements.LOCAL_DAY)
    found = await session.exec(
        sa.select(
            col(Settlement.status), sa.func.count(), sa.func.sum(cents), sa.func.coalesce(sa.func.sum(cents).filter(late), 0)
        )
        .join(Store, col(Store.id) == col(Settlement.store_id))
        .where(within(col(Store.area_path), [path]))
        .group_by(col(Settlement.status))
    )
    return {status: Sums(months, int(cents), int(overdue)) for status, months, cents, overdue in found.all()}


async def unsettled(session: AsyncSession, *, path: str, running: date) -> Sums:
    """What was verified at the area's stores and no month has taken yet."""
    rows = await queries_months.open_in_area(session, path=path, first=None, last=running)
    return Sums(len(rows), sum(row.cents for row in rows))


async def corrections(session: AsyncSession, *, path: str) -> tuple[int, int]:
    """Cents of approved corrections that no month has taken yet, and how many wait for a decision."""
    approved = col(SettlementCorrection.status) == CorrectionStatus.APPROVED
    pending = col(SettlementCorrection.status) == CorrectionStatus.PENDING
    found = await session.exec(
        sa.select(
            sa.func.coalesce(sa.func.sum(col(SettlementCorrection.cents)).filter(approved), 0), sa.func.count().filter(pending)
        )
        .select_from(SettlementCorrection)
        .join(Store, col(Store.id) == col(SettlementCorrection.store_id))
        .where(within(col(Store.area_path), [path]), queries_corrections.WAITING)
    )
    cents, count = found.one()
    return int(cents), int(count)


async def _asked(session: AsyncSession, path: str) -> dict[str, Any]:
    return {"path": path, "beyond": beyond(path), "root": await service.root_path(session)}
