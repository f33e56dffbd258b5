"""Figures of an area over a span of filing days, in one statement: the totals, by category, by the areas right below."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.principal import within
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.reports.models import Report
from app.reports.words import Status

TOTAL, BY_CATEGORY, BY_AREA = 3, 1, 2  # what grouping(category, area) says
NO_CATEGORY = "uncategorised"


async def stats(session: AsyncSession, *, area: Area, first: date, last: date) -> dict[str, Any]:
    """Reports that were filed in the area from `first` to `last`, local days, both included; how they stand now."""
    starts, ends = clock.days(first, last)
    depth = area.path.count("/")
    category, below = col(Report.category_code), sa.func.split_part(col(Report.area_path), "/", depth + 1)
    base = (
        sa.select(category.label("category_code"), below.label("below"), *_columns())
        .where(within(Report.area_path, [area.path]), col(Report.created_at) >= starts, col(Report.created_at) < ends)
        .subquery()
    )
    keys = base.c.category_code, base.c.below
    found = await session.exec(
        sa.select(sa.func.grouping(*keys).label("level"), *keys, *_figures(base)).group_by(
            sa.func.grouping_sets(sa.tuple_(), sa.tuple_(keys[0]), sa.tuple_(keys[1]))
        )
    )
    rows = [row._mapping for row in found.all()]
    total = next((_shown(row) for row in rows if row["level"] == TOTAL), _NOTHING)
    return {
        "area": {"id": area.id, "name": area.name}, "from": first, "to": last, **total,
        "by_category": await _by_category(session, [row for row in rows if row["level"] == BY_CATEGORY]),
        "by_area": await _by_area(session, area, [row for row in rows if row["level"] == BY_AREA]),
    }


def _columns() -> list[sa.ColumnElement[Any]]:
    closed = sa.and_(col(Report.status) == Status.CLOSED)
    hours = sa.func.extract("epoch", col(Report.first_closed_at) - col(Report.created_at)) / 3600
    return [
        col(Report.accepted_at).is_not(None).label("filed"), closed.label("closed"), sa.and_(closed, ~col(Report.late)).label("in_time"),
        (col(Report.rework_count) > 0).label("rework"), (col(Report.extension_count) > 0).label("extension"),
        col(Report.satisfied).label("satisfied"), sa.case((closed, hours)).label("hours"),
    ]


def _figures(base: sa.Subquery) -> list[sa.ColumnElement[Any]]:
    def count(flag: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        return sa.func.count().filter(flag)

    def hours(share: float) -> sa.ColumnElement[Any]:
        return sa.func.percentile_cont(share).within_group(base.c.hours)

    return [
        sa.func.count().label("received"), count(base.c.filed).label("filed"), count(base.c.closed).label("closed"),
        count(base.c.in_time).label("closed_in_time"), count(base.c.rework).label("rework"), count(base.c.extension).label("extension"),
        count(base.c.satisfied).label("satisfied"), count(base.c.satisfied.is_not(None)).label("rated"),
        hours(0.5).label("median_hours"), hours(0.9).label("p90_hours"),
    ]


COUNTS = ("received", "filed", "closed", "closed_in_time", "rework", "extension")
_NOTHING: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {"satisfaction": None, "median_hours": None, "p90_hours": None}


def _shown(row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {name: row[name] for name in COUNTS}
    shown["satisfaction"] = round(row["satisfied"] / row["rated"], 4) if row["rated"] else None
    for name in ("median_hours", "p90_hours"):
        shown[name] = None if row[name] is None else round(float(row[name]), 2)
    return shown


async def _by_category(session: AsyncSession, rows: list[Any]) -> list[dict[str, Any]]:
    names = await categories_queries.names(session, [row["category_code"] for row in rows])
    shown = [
        {"code": row["category_code"] or NO_CATEGORY, "name": names.get(row["category_code"] or "", "未分类"), **_shown(row)}
        for row in rows
    ]
    return sorted(shown, key=lambda one: str(one["code"]))


async def _by_area(session: AsyncSession, area: Area, rows: list[Any]) -> list[dict[str, Any]]:
    """Reports that lie in no area below stand under the area itself."""
    known = {one.code: one for one in await _children(session, area)}
    shown = []
    for row in sorted(rows, key=lambda one: str(one["below"])):
        one = known.get(row["below"], area)
        shown.append({"id": one.id, "name": one.name, **_shown(row)})
    return shown


async def _children(session: AsyncSession, area: Area) -> list[Area]:
    return list(await areas_queries.children(session, parent_id=area.id, limit=5_000, after=None))
