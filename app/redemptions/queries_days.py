"""Every SELECT of a store's days: what happened on each as one hash, which covers the hash of the store's day before.

One text (`DAYS`, and `head` over it) makes the heads and checks them. A day is over three hours after its midnight: nothing commits
that late, as no statement runs for longer than five seconds and no transaction idles for longer than fifteen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.errors import ValidationFailed
from app.redemptions.models_days import StoreDayHead

SHOWN_DAYS = 31
MOST_DAYS = 366
FIRST = bytes(32)  # what comes before the first day of a store
LOCAL = "(({at}) at time zone 'Asia/Shanghai')::date"
OVER = LOCAL.format(at="clock_timestamp() - interval '3 hours'")
BEGINS = "({day})::timestamp at time zone 'Asia/Shanghai'"
EVENTS = """
select store_id, verified_at as at, 1 as step, id, redemption_id, clerk_id from verification
union all
select v.store_id, u.undone_at, 2, v.id, v.redemption_id, u.clerk_id
  from verification_undo u join verification v on v.id = u.verification_id"""
DAYS = f"""
select e.store_id, {LOCAL.format(at="e.at")} as day, count(*) filter (where e.step = 1)::int as count,
       count(*) filter (where e.step = 2)::int as undone,
       sum(case e.step when 1 then r.settlement_cents else -r.settlement_cents end)::bigint as cents,
       sha256(convert_to(string_agg(json_build_array(
         e.step, e.id, e.redemption_id, e.clerk_id, r.number, r.quantity, r.settlement_cents,
         cast(extract(epoch from e.at) * 1000000 as bigint))::text, E'\\n' order by e.at, e.step, e.id), 'UTF8')) as body
  from ({EVENTS}) e join redemption r on r.id = e.redemption_id
 where {{among}} group by 1, 2"""


def head(previous: str, day: str) -> str:
    """SHA-256(previous ‖ store and day ‖ SHA-256 of the day's lines); `day` is the row of `DAYS`."""
    return f"sha256({previous} || convert_to(json_build_array({day}.store_id, {day}.day)::text, 'UTF8') || {day}.body)"


# The days of one store that follow a head, up to an instant.
CHAIN = sa.text(f"""
with recursive made as materialized (
  select d.*, row_number() over (order by d.day) as n
    from ({DAYS.format(among="e.store_id = :store_id and e.at >= :start and e.at < :end")}) d),
chain as (
  select m.n, m.day, m.count, m.undone, m.cents, cast(:previous as bytea) as previous, {head("cast(:previous as bytea)", "m")} as head
    from made m where m.n = 1
  union all
  select m.n, m.day, m.count, m.undone, m.cents, c.head, {head("c.head", "m")} from chain c join made m on m.n = c.n + 1)
select day, count, undone, cents, previous, head from chain order by n""").bindparams(
    sa.bindparam("store_id", type_=sa.Uuid), sa.bindparam("previous", type_=sa.LargeBinary),
    *(sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("start", "end")),
)
# Store by store from its newest head on, each a range of an index: what has a head already is never gone through again.
DUE = sa.text(f"""
select s.id as store_id from store s
 cross join lateral (
   select coalesce({BEGINS.format(day="max(day) + 1")}, '-infinity') as since from store_day_head where store_id = s.id) h
 where exists (
   select from verification v where v.store_id = s.id and v.verified_at >= h.since and v.verified_at < {BEGINS.format(day=OVER)})
    or exists (
   select from verification_undo u join verification v on v.id = u.verification_id
    where v.store_id = s.id and u.undone_at >= h.since and u.undone_at < {BEGINS.format(day=OVER)}) order by 1""")
# One row for each day of a store that is over: its head, the one before it, what its events come to now, and, where the trail has told
# the head (`days.finish`), what that said.
HEADS = f"""
select coalesce(h.store_id, d.store_id, t.store_id) as store_id, coalesce(h.day, d.day, t.day) as day, h.head, h.previous, h.before, t.told,
       h.count = d.count and h.undone = d.undone and h.cents = d.cents as same_figures, {head("h.previous", "d")} as made_again,
       max(h.day) over (partition by coalesce(h.store_id, d.store_id, t.store_id)) as newest
  from (select *, lag(head, 1, decode(repeat('00', 32), 'hex')) over (partition by store_id order by day) as before from store_day_head) h
  full join ({DAYS.format(among="e.at < " + BEGINS.format(day=OVER))}) d on d.store_id = h.store_id and d.day = h.day
  full join (
    select object_id as store_id, (facts ->> 'day')::date as day, decode(facts ->> 'head', 'hex') as told from audit_event
     where object_kind = 'store' and action = 'redemption.finish_days') t
    on t.store_id = coalesce(h.store_id, d.store_id) and t.day = coalesce(h.day, d.day)"""
# A day that has no head yet can still be made; one before a day that has one was put in afterwards.
REWRITTEN = """
case when told is not null and told is distinct from head then true
     when head is null then day < newest
     else previous <> before or made_again is null or made_again <> head or not same_figures end"""


@dataclass(frozen=True, slots=True)
class DayHead:
    """One day of a store. `final`: its head is on file; another is as it would be if the day ended now."""

    day: date
    count: int
    undone: int
    cents: int
    previous: bytes
    head: bytes
    final: bool


async def days(session: AsyncSession, *, store_id: UUID, first: date, last: date) -> list[DayHead]:
    """The store's days on which something happened, oldest first; those without a head yet are linked to the last that has one."""
    newest = sa.select(sa.func.max(col(StoreDayHead.day))).where(col(StoreDayHead.store_id) == store_id).scalar_subquery()
    found = await session.exec(
        sa.select(StoreDayHead)
        .where(
            col(StoreDayHead.store_id) == store_id,
            sa.or_(col(StoreDayHead.day).between(first, last), col(StoreDayHead.day) == newest),
        )
        .order_by(col(StoreDayHead.day))
    )
    kept = [DayHead(row.day, row.count, row.undone, row.cents, row.previous, row.head, True) for row in found.scalars().all()]
    end = clock.days(last, last)[1]
    return [one for one in (*kept, *await _after(session, store_id, kept[-1] if kept else None, end)) if first <= one.day <= last]


async def missing(session: AsyncSession, *, store_id: UUID) -> list[DayHead]:
    """The days of a store that are over and have no head, as theirs are to be, oldest first."""
    found = await session.exec(
        sa.select(StoreDayHead).where(col(StoreDayHead.store_id) == store_id).order_by(col(StoreDayHead.day).desc()).limit(1)
    )
    row: StoreDayHead | None = found.scalars().first()
    newest = DayHead(row.day, row.count, row.undone, row.cents, row.previous, row.head, True) if row else None
    over = (await session.exec(sa.text(f"select {OVER}"))).scalar_one()
    return await _after(session, store_id, newest, clock.day_start(over))


async def due(session: AsyncSession) -> Sequence[UUID]:
    """The stores with a day that is over and has no head."""
    return (await session.exec(DUE)).scalars().all()


async def rewritten(session: AsyncSession) -> Sequence[tuple[UUID, date]]:
    """Days that are not what their heads say they were, and days that were put in before such a one. One pass over everything."""
    found = await session.exec(sa.text(f"select store_id, day from ({HEADS}) as s where {REWRITTEN} order by store_id, day"))
    return [(store_id, day) for store_id, day in found.all()]


def span(first: date | None, last: date | None) -> tuple[date, date]:
    """The days that a list is asked for; without an answer to that, the last month. Raises ValidationFailed for more than a year."""
    last = last or max(clock.today(), first or date.min)
    first = first or last - timedelta(days=SHOWN_DAYS - 1)
    if (last - first).days >= MOST_DAYS:
        raise ValidationFailed.of("query", "from", msg="最多查询一年", kind="span")
    return first, last


async def _after(session: AsyncSession, store_id: UUID, newest: DayHead | None, end: datetime) -> list[DayHead]:
    start = clock.days(newest.day, newest.day)[1] if newest else clock.day_start(date(1970, 1, 1))
    if start >= end:
        return []
    given: dict[str, Any] = {"store_id": store_id, "start": start, "end": end, "previous": newest.head if newest else FIRST}
    found = await session.exec(CHAIN, params=given)
    return [
        DayHead(day, count, undone, cents, previous, head, False) for day, count, undone, cents, previous, head in found.all()
    ]
