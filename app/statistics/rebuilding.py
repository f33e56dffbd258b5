"""All figures from the event log anew, set by set, and the comparison of what stands there with what should.

    scripts/manage figures --check      exit code 1 and the first differences when there are any
    scripts/manage figures --rebuild    makes facts and summaries anew; readers see the old ones until the end
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from app import clock
from app.db.session import AsyncSession
from app.statistics.facts import COLUMNS, COUNTS, facts, spread
from app.statistics.service import CELL_KEY, KEY, PLACES

TABLES = ("report_cell", "report_hours", "report_summary", "report_series", "report_fact")
ALL = "(select 1 as sign, * from report_fact) as fact"
# A month, and the days in it, follow from the facts of that month alone: sets of bounded size, however many years there are.
ONE_MONTH = "(select 1 as sign, * from report_fact where day >= :first and day < :following) as fact"
IN_MONTH = "first >= :first and first < :following"
SERIES, CELLS = "id, area_path, dimension, key", f"{CELL_KEY}, {', '.join(PLACES)}"
SUMMARY, HOURS = f"{KEY}, {', '.join(COUNTS)}", f"{KEY}, bin, closed, fine"
# What comes out of a set has no statistics: left alone, the planner sorts millions of texts where hashing does.
SETTINGS = (
    "set local statement_timeout = '1800s'", "set local lock_timeout = '60s'", "set local work_mem = '64MB'",
    "set local enable_mergejoin = off", "set local enable_sort = off",
)
PUT_MONTH = f"""
with {spread(ONE_MONTH)},
put_series as (insert into report_series ({SERIES}) select distinct {SERIES} from series on conflict do nothing),
put_hours as (insert into report_hours ({HOURS}) select {HOURS} from timed)
insert into report_summary ({SUMMARY}, hours) select {SUMMARY}, hours from summary"""
PUT_CELLS = f"with {spread(ALL)} insert into report_cell ({CELLS}) select {CELLS} from cells"
# Bins of what was closed and opened again are zeros.
BINS = "case when 0 = all(hours) then '{}' else hours end as hours"
UNMARKED = "not exists (select from report_stale s where s.report_id = {})"
COMPARED = {
    "report_fact": (
        f"select {COLUMNS} from ({facts(UNMARKED.format('r.id'))}) as fresh",
        f"select {COLUMNS} from report_fact where {UNMARKED.format('report_fact.report_id')}",
    ),
    "report_series": (
        f"with {spread(ALL)} select distinct {SERIES} from series",
        f"select {SERIES} from report_series where id in (select series_id from report_summary)",
    ),
    "report_cell": (f"with {spread(ALL)} select {CELLS} from cells", f"select {CELLS} from report_cell"),
}
MONTHLY = {
    "report_summary": (
        f"with {spread(ONE_MONTH)} select {SUMMARY}, {BINS} from summary", f"select {SUMMARY}, {BINS} from report_summary where {IN_MONTH}",
    ),
    "report_hours": (f"with {spread(ONE_MONTH)} select {HOURS} from timed", f"select {HOURS} from report_hours where {IN_MONTH}"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """So many rows of a table are not what the event log says; one of them."""

    table: str
    count: int
    sample: str


async def rebuild(session: AsyncSession) -> int:
    """Returns how many reports were counted. A report that is written meanwhile keeps its mark, and is counted again by the job."""
    await _settle(session)
    await session.exec(sa.text("delete from report_stale"))
    for table in TABLES:
        await session.exec(sa.text(f"delete from {table}"))
    await session.exec(sa.text(f"insert into report_fact ({COLUMNS}) {facts('true')}"))
    await session.exec(sa.text("analyze report_fact"))
    for month in await _months(session):
        await session.exec(sa.text(PUT_MONTH), params=month)
    await session.exec(sa.text(PUT_CELLS))
    for table in TABLES:
        await session.exec(sa.text(f"analyze {table}"))
    return int((await session.exec(sa.text("select count(*) from report_fact"))).scalar_one())


async def differences(session: AsyncSession) -> list[Difference]:
    """Facts against the log, for reports without a mark; summaries against the facts. Nobody counts meanwhile, everybody writes on."""
    await _settle(session)
    found = [await _compared(session, table, *rows, {}) for table, rows in COMPARED.items()]
    for month in await _months(session):
        found += [await _compared(session, table, *rows, month) for table, rows in MONTHLY.items()]
    return [one for one in found if one.count]


async def _settle(session: AsyncSession) -> None:
    """Takes the turn of whoever counts, until the end of the transaction."""
    for setting in SETTINGS:
        await session.exec(sa.text(setting))
    await session.exec(sa.text("select pg_advisory_xact_lock(hashtextextended('statistics.roll_up', 0))"))


async def _months(session: AsyncSession) -> list[dict[str, date]]:
    """Every month that a fact or a summary is of."""
    found = await session.exec(sa.text(
        "select distinct date_trunc('month', day)::date from report_fact union select distinct first from report_summary where month"
    ))
    return [{"first": first, "following": clock.next_month(first)} for first in sorted(found.scalars().all())]


async def _compared(session: AsyncSession, table: str, wanted: str, kept: str, span: Mapping[str, date]) -> Difference:
    found = await session.exec(sa.text(f"""
        with wanted as materialized ({wanted}), kept as materialized ({kept}), differing as (
          (select 'missing' as what, w.* from (select * from wanted except select * from kept) w)
          union all (select 'too much', k.* from (select * from kept except select * from wanted) k))
        select count(*), coalesce(min(differing::text), '') from differing"""), params=span)
    count, sample = found.one()
    return Difference(table, count, sample)
