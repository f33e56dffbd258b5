"""Bringing the months up to date: members whose balance has moved on, or who have moved, are counted in small batches."""

import sqlalchemy as sa

from app.areas import queries as areas_queries
from app.budgets.figures import FLOWS, LINES, added
from app.db.session import AsyncSession

BATCH = 2_000  # members
# One at a time: two at once would count the same lines twice.
TURN = sa.text("select pg_try_advisory_xact_lock(hashtextextended('budgets.count', 0))")
# Whoever moved takes the lines along: out of the months of the old area, into those of the new one. A person who has left stays where
# they were counted last.
COUNT = sa.text(f"""
with changed as materialized (
  select * from (
    select b.member_id, b.version, c.version as counted, c.area_path as counted_in, coalesce(m.area_path, c.area_path, :root) as area_path
      from points_balance b left join member m on m.id = b.member_id left join budget_member c on c.member_id = b.member_id) person
   where counted is null or version > counted or area_path <> counted_in limit {BATCH}),
moves as (
  select member_id, 1 as sign, area_path, case when area_path = counted_in then counted else 0 end as above, version as upto from changed
  union all
  select member_id, -1, counted_in, 0, counted from changed where area_path <> counted_in),
{LINES},
put as (
  insert into budget_month (area_path, month, {", ".join(FLOWS)}) select area_path, month, {", ".join(FLOWS)} from flows
  on conflict (area_path, month) do update set {added("budget_month")}),
noted as (
  insert into budget_member (member_id, version, area_path) select member_id, version, area_path from changed
  on conflict (member_id) do update set version = excluded.version, area_path = excluded.area_path)
select count(*) from changed""")
LAPSES = sa.text("""
insert into budget_lapse (area_path, lapses_on, points, counted_at)
select coalesce(c.area_path, m.area_path, :root), l.expires_on, sum(l.remaining), clock_timestamp()
  from points_lot l left join budget_member c on c.member_id = l.member_id left join member m on m.id = l.member_id
 where l.remaining > 0 group by 1, 2""")


async def count(session: AsyncSession) -> int:
    """Counts a batch of members; returns how many, 0 while another process counts.

    One statement, so one picture of the ledger: a balance and the lines up to its version belong together.
    """
    if not (await session.exec(TURN)).scalar_one():
        return 0
    counted: int = (await session.exec(COUNT, params={"root": await root_path(session)})).scalar_one()
    return counted


async def count_lapses(session: AsyncSession) -> None:
    """What lapses when, anew: a lot's rest and its last day change in place, so there is nothing to add up."""
    if not (await session.exec(TURN)).scalar_one():
        return
    await session.exec(sa.text("delete from budget_lapse"))
    await session.exec(LAPSES, params={"root": await root_path(session)})


async def root_path(session: AsyncSession) -> str:
    """Where those count who work in no area, as everywhere: the oldest tenant's root."""
    root = await areas_queries.root(session)
    return root.path if root else ""
