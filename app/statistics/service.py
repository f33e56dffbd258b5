"""Bringing the summaries up to date: what was counted of a report is taken out, what it is now is put in."""

from collections.abc import Sequence

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.statistics.facts import COLUMNS, COUNTS, facts, spread
from app.statistics.workflow import BINS, FINE

BATCH = 2_000
KEY = "series_id, month, first"
CELL_KEY = "level, x, y, area_path"
PLACES = ("reports", "lng", "lat", "public_reports", "public_lng", "public_lat")
# One at a time: two at once would take the same facts out of the summaries twice.
TURN = sa.text("select pg_try_advisory_xact_lock(hashtextextended('statistics.roll_up', 0))")
TAKE = sa.text(f"""
delete from report_stale where id in (select id from report_stale order by id limit {BATCH}) returning report_id""")


def _plus(column: str, length: int) -> str:
    """Adds two arrays, either of which may be empty; none stays none."""
    sums = ", ".join(f"coalesce(kept.{column}[{one}], 0) + coalesce(more.{column}[{one}], 0)" for one in range(1, length + 1))
    return f"case when cardinality(more.{column}) = 0 then kept.{column} else array[{sums}] end"


def _put(name: str, table: str, source: str, key: str, counts: Sequence[str], **arrays: str) -> str:
    """Adds what has changed to rows that are there, deletes those that come to nothing, and inserts the others: an upsert would hold a
    decrease to the CHECKs of a row. Most steps of a report change the counts by status alone: the others are not written again."""
    same = " and ".join(f"kept.{column} = more.{column}" for column in key.split(", "))
    columns = ", ".join((key, *counts, *arrays))
    sums = ", ".join([*(f"{one} = kept.{one} + more.{one}" for one in counts), *(f"{one} = {sum_}" for one, sum_ in arrays.items())])
    left = f"kept.{counts[0]} + more.{counts[0]}"
    changed = " or ".join([*(f"more.{one} <> 0" for one in counts), *(f"0 <> any(more.{one})" for one in arrays)])
    return f"""
{name}_gone as (delete from {table} as kept using {source} as more where {same} and {left} = 0),
{name}_changed as (update {table} as kept set {sums} from {source} as more where {same} and {left} <> 0 and ({changed})),
{name}_new as (
  insert into {table} ({columns}) select {columns} from {source} as more
   where more.{counts[0]} <> 0 and not exists (select from {table} as kept where {same}))"""


COUNT = sa.text(f"""
with fresh as materialized ({facts("r.id = any(cast(:ids as uuid[]))")}),
before as materialized (select {COLUMNS} from report_fact where report_id = any(cast(:ids as uuid[]))),
change as materialized (select 1 as sign, * from fresh union all select -1, * from before),
{spread("change")},
named as (
  insert into report_series (id, area_path, dimension, key) select distinct id, area_path, dimension, key from series
  on conflict do nothing),
{_put("summary", "report_summary", "summary", KEY, COUNTS, hours=_plus("hours", BINS))},
{_put("hours", "report_hours", "timed", f"{KEY}, bin", ("closed",), fine=_plus("fine", FINE))},
{_put("cells", "report_cell", "cells", CELL_KEY, PLACES)}
insert into report_fact ({COLUMNS}) select {COLUMNS} from fresh
on conflict (report_id) do update set {", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[1:])}""")


async def roll_up(session: AsyncSession) -> int:
    """Counts the reports of the oldest marks, at most a batch; returns how many marks there were, 0 while another process counts.

    The facts are read by a later statement than the one that takes the marks away: what is written in between leaves a mark of its own,
    and is then taken out of the summaries as it was counted here.
    """
    if not (await session.exec(TURN)).scalar_one():
        return 0
    marks = (await session.exec(TAKE)).scalars().all()
    if marks:
        await session.exec(COUNT, params={"ids": list(set(marks))})
    return len(marks)
