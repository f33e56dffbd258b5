"""Figures of an area over a span of filing days: summaries, and what was written since they were counted, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.principal import beyond
from app.db.session import AsyncSession
from app.statistics.facts import BUCKET, COUNTS, OWN_DIMENSIONS, TIMED, added, binned, changes, counted, fined, summed
from app.statistics.models import Dimension
from app.statistics.workflow import BINS, EXACT, FINE, SHARES, Span, bins_of, percentile
from app.units.models import Unit

Key = tuple[str, str]
FIGURED = (Dimension.TOTAL, Dimension.CATEGORY, Dimension.AREA, Dimension.UNIT)
FACETED = (*FIGURED, Dimension.STATUS, Dimension.SEVERITY)

# What changed, of this area and these days. `~>=~` compares bytes, as the indexes over paths do.
ASKED = "area_path ~>=~ :path and area_path ~<~ :beyond and day between :first and :last"
CHANGES = changes("r.created_at >= :starts and r.created_at < :ends")
# The series asked for, in each month and day of the span.
PIECES = """
pieces as materialized (
  select r.id as series_id, r.dimension, r.key, month, first
    from report_series r cross join (
      select true as month, unnest(cast(:months as date[])) as first union all select false, unnest(cast(:days as date[]))) as parts
   where r.area_path = :path and r.dimension = any(cast(:dimensions as text[])))"""
TOLD = f"cross join lateral ({OWN_DIMENSIONS}, ('area', split_part(area_path, '/', :depth))) as told (dimension, key)"
FIGURES = sa.text(f"""
with {CHANGES}, {PIECES},
kept as (
  select dimension, key, {", ".join(COUNTS)}, hours from pieces join report_summary using (series_id, month, first)),
live as (
  select dimension, key, {counted()}, {binned("sign")} as hours
    from (select *, {BUCKET} as bucket from change where {ASKED}) changed {TOLD} where key is not null group by dimension, key)
select dimension, key, {added()}, {summed("hours", BINS)} as hours
  from (select * from kept union all select * from live where dimension = any(cast(:dimensions as text[]))) as both_of_them
 group by dimension, key having sum(received) > 0""")
CASES = sa.text(f"""
with {CHANGES},
cases as (
  select area_path, category, unit, status, severity, seconds from report_fact
   where {ASKED} and seconds is not null and report_id not in (select report_id from marked)
  union all
  select area_path, category, unit, status, severity, seconds from change where {ASKED} and seconds is not null and sign = 1)
select dimension, key, percentile_cont(cast(:shares as float8[])) within group (order by seconds) as seconds
  from cases {TOLD} where dimension in {TIMED} and key is not null group by dimension, key""")
HOURS = sa.text(f"""
with {CHANGES}, {PIECES},
wanted as materialized (
  select * from unnest(cast(:wanted as text[]), cast(:keys as text[]), cast(:bins as integer[])) as w (dimension, key, bin)),
probes as materialized (
  select series_id, month, first, dimension, key, bin from wanted join pieces using (dimension, key)),
kept as (select dimension, key, bin, fine from probes join report_hours using (series_id, month, first, bin)),
live as (
  select told.dimension, told.key, w.bin, {fined("sign")} as fine
    from (select *, {BUCKET} as bucket from change where {ASKED} and seconds is not null) changed {TOLD}
    join wanted w on w.dimension = told.dimension and w.key = told.key and w.bin = bucket / {FINE} group by 1, 2, 3)
select dimension, key, bin, {summed("fine", FINE)} as fine
  from (select * from kept union all select * from live) as both_of_them group by dimension, key, bin""")


@dataclass(frozen=True, slots=True)
class Group:
    """The counts of one kind, and its percentiles of the hours to closing."""

    counts: dict[str, int]
    hours: tuple[float | None, ...]


async def figures(session: AsyncSession, *, path: str, span: Span) -> dict[Key, Group]:
    """Every kind of report that there is, by dimension and key."""
    asked = _asked(path, span)
    found = (await session.exec(FIGURES, params={**asked, **_pieces(span, FIGURED)})).mappings().all()
    rows = {(row["dimension"], row["key"]): row for row in found}
    total = rows.get((Dimension.TOTAL.value, ""))
    if total is not None and total["closed"] <= EXACT:
        hours = await _exact(session, asked)
    else:
        hours = await _estimated(session, asked, span, {key: list(row["hours"]) for key, row in rows.items()})
    nothing = (None,) * len(SHARES)
    return {key: Group({name: row[name] for name in COUNTS}, hours.get(key, nothing)) for key, row in rows.items()}


async def facets(session: AsyncSession, *, path: str, span: Span) -> dict[Key, int]:
    """How many reports there are of each kind."""
    found = await session.exec(FIGURES, params={**_asked(path, span), **_pieces(span, FACETED)})
    return {(row.dimension, row.key): row.received for row in found.all()}


async def unit_names(session: AsyncSession, ids: list[str]) -> dict[str, str]:
    found = await session.exec(sa.select(col(Unit.id), col(Unit.name)).where(col(Unit.id).in_([UUID(one) for one in ids])))
    return {str(row.id): row.name for row in found.all()}


async def _exact(session: AsyncSession, asked: dict[str, Any]) -> dict[Key, tuple[float | None, ...]]:
    found = await session.exec(CASES, params={**asked, "shares": list(SHARES)})
    return {(row.dimension, row.key): tuple(_hours(one) for one in row.seconds) for row in found.all()}


async def _estimated(
    session: AsyncSession, asked: dict[str, Any], span: Span, coarse: dict[Key, list[int]]
) -> dict[Key, tuple[float | None, ...]]:
    wanted = [(*key, number) for key, bins in coarse.items() for number in sorted(bins_of(bins))]
    told = {"wanted": [one[0] for one in wanted], "keys": [one[1] for one in wanted], "bins": [one[2] for one in wanted]}
    fine: dict[Key, dict[int, int]] = {key: {} for key in coarse}
    for row in (await session.exec(HOURS, params={**asked, **_pieces(span, FIGURED), **told})).all():
        fine[row.dimension, row.key].update(enumerate(row.fine, row.bin * FINE))
    return {key: tuple(_hours(percentile(bins, fine[key], share)) for share in SHARES) for key, bins in coarse.items()}


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def _asked(path: str, span: Span) -> dict[str, Any]:
    starts, ends = clock.days(span.first, span.last)
    return {
        "path": path, "beyond": beyond(path), "depth": path.count("/") + 1, "first": span.first, "last": span.last, "starts": starts,
        "ends": ends,
    }


def _pieces(span: Span, dimensions: Sequence[Dimension]) -> dict[str, Any]:
    return {"months": list(span.months), "days": list(span.days), "dimensions": list(dimensions)}
