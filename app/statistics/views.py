"""Figures, facets and clusters as answers and as files."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

from starlette.responses import Response

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.export import tables
from app.schemas import named
from app.statistics import queries, workflow
from app.statistics.facts import COUNTS, NO_CATEGORY
from app.statistics.models import Dimension
from app.statistics.queries import Group, Key
from app.statistics.schemas import Figures, ReportFacets, ReportStats

T = TypeVar("T")
SHOWN = ("received", "filed", "closed", "closed_in_time", "rework", "extension")
TOTAL: Key = (Dimension.TOTAL.value, "")
NOTHING = Group(dict.fromkeys(COUNTS, 0), (None, None))
UNCATEGORISED = "未分类"
COLUMNS = (
    "分组", "名称", "收到", "立案", "办结", "按时办结", "返工", "延期", "满意率", "办结用时中位数（小时）", "办结用时九成内（小时）",
)


async def stats(session: AsyncSession, area: Area, first: date, last: date) -> ReportStats:
    asked = workflow.span(first, last, today=clock.today())
    found = await queries.figures(session, path=area.path, span=asked)
    shown = {key: _figures(group) for key, group in found.items()}
    return ReportStats.model_validate({
        "area": named(area), "from": first, "to": last, **_figures(found.get(TOTAL, NOTHING)), **(await _named(session, area, shown, dict)),
    })


async def facets(session: AsyncSession, area: Area, first: date, last: date) -> ReportFacets:
    asked = workflow.span(first, last, today=clock.today())
    found = await queries.facets(session, path=area.path, span=asked)
    parts = await _named(session, area, found, lambda count: {"count": count})
    codes = {
        f"by_{part}": [{"code": key, "count": count} for key, count in sorted(_of(found, part), key=lambda one: (-one[1], one[0]))]
        for part in (Dimension.STATUS, Dimension.SEVERITY)
    }
    return ReportFacets.model_validate(
        {"area": named(area), "from": first, "to": last, "total": found.get(TOTAL, 0), **codes, **parts}
    )


async def _named(
    session: AsyncSession, area: Area, found: Mapping[Key, T], told: Callable[[T], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """What was found by category, by the areas below and by unit, with names. What lies in no area below stands under the area itself."""
    categories, areas, units = (dict(_of(found, part)) for part in (Dimension.CATEGORY, Dimension.AREA, Dimension.UNIT))
    names = await categories_queries.names(session, [code for code in categories if code != NO_CATEGORY])
    below = {one.code: one for one in await _children(session, area)}
    offices = await queries.unit_names(session, list(units))
    return {
        "by_category": [
            {"code": code, "name": names.get(code, UNCATEGORISED), **told(one)} for code, one in sorted(categories.items())
        ],
        "by_area": [{**_area(below.get(code, area)), **told(one)} for code, one in sorted(areas.items())],
        "by_unit": [
            {"id": unit, "name": offices[unit], **told(one)} for unit, one in sorted(units.items(), key=lambda item: offices[item[0]])
        ],
    }


def _of(found: Mapping[Key, T], part: Dimension) -> Iterator[tuple[str, T]]:
    return ((key, one) for (dimension, key), one in found.items() if dimension == part)


def _area(area: Area) -> dict[str, Any]:
    return {"id": area.id, "name": area.name}


async def _children(session: AsyncSession, area: Area) -> list[Area]:
    return list(await areas_queries.children(session, parent_id=area.id, limit=5_000, after=None))


def _figures(group: Group) -> dict[str, Any]:
    counts = group.counts
    median, ninth = group.hours
    return {
        **{name: counts[name] for name in SHOWN}, "median_hours": median, "p90_hours": ninth,
        "satisfaction": round(counts["satisfied"] / counts["rated"], 4) if counts["rated"] else None,
    }


def stats_file(shown: ReportStats, format: str) -> Response:
    """The totals, then every group, one line each."""
    groups: list[tuple[str, str, Figures]] = [("合计", shown.area.name, shown)]
    groups += [("类别", one.name, one) for one in shown.by_category]
    groups += [("区域", one.name, one) for one in shown.by_area]
    groups += [("责任单位", one.name, one) for one in shown.by_unit]
    lines: list[tuple[tables.Cell, ...]] = [
        (kind, name, *(getattr(one, field) for field in (*SHOWN, "satisfaction", "median_hours", "p90_hours")))
        for kind, name, one in groups
    ]
    title = f"{shown.area.name} {shown.from_.isoformat()} 至 {shown.to.isoformat()} 上报统计"
    return tables.render(format, title=title, columns=COLUMNS, rows=lines, name=f"reports-{shown.from_.isoformat()}-{shown.to.isoformat()}")
