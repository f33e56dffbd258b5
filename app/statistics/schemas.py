"""Answers of figures, facets and the map."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app.schemas import Day, Named, Out

NAMED: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000002", "name": "文化路社区"}
UNIT: dict[str, Any] = {"id": "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a20", "name": "市政设施养护队"}
CATEGORY: dict[str, Any] = {"code": "road_hole", "name": "路面坑洞"}
DAYS: dict[str, Any] = {"from": "2026-11-01", "to": "2026-11-22"}


def _example(fields: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [fields]})


class MapPoint(Out):
    type: Literal["Point"]
    coordinates: tuple[float, float]


class MapCount(Out):
    count: int


class MapFeature(Out):
    type: Literal["Feature"]
    geometry: MapPoint
    properties: MapCount


class ReportMap(Out):
    """GeoJSON in GCJ-02: one point per cluster, in the middle of its reports."""

    model_config = _example({
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [116.78, 35.55]}, "properties": {"count": 12}}],
    })

    type: Literal["FeatureCollection"]
    features: list[MapFeature]


FIGURES: dict[str, Any] = {
    "received": 120, "filed": 110, "closed": 100, "closed_in_time": 96, "rework": 3, "extension": 4, "satisfaction": 0.98,
    "median_hours": 9.5, "p90_hours": 30.25,
}


class Figures(Out):
    """Counts of reports; `satisfaction` is the share of those who gave a verdict, hours are from filing to the first closing.

    Hours are exact up to 2,000 closed cases, beyond that off by less than 1 %.
    """

    received: int
    filed: int
    closed: int
    closed_in_time: int
    rework: int
    extension: int
    satisfaction: float | None
    median_hours: float | None
    p90_hours: float | None


class CategoryFigures(Figures):
    code: str
    name: str


class NamedFigures(Figures):
    id: UUID
    name: str


class ReportStats(Figures):
    """By filing day. The counts of `by_category` and of `by_area` sum up to the totals; `by_unit` tells those that a unit answers for."""

    model_config = _example({
        "area": NAMED, **DAYS, **FIGURES, "by_category": [{**CATEGORY, **FIGURES}], "by_area": [{**NAMED, **FIGURES}],
        "by_unit": [{**UNIT, **FIGURES}],
    })

    area: Named
    from_: Day = Field(alias="from")
    to: Day
    by_category: list[CategoryFigures]
    by_area: list[NamedFigures]
    by_unit: list[NamedFigures]


class CodeCount(Out):
    code: str
    count: int


class CategoryCount(CodeCount):
    name: str


class NamedCount(Out):
    id: UUID
    name: str
    count: int


class ReportFacets(Out):
    """How many reports of these filing days there are of each kind; only what there is."""

    model_config = _example({
        "area": NAMED, **DAYS, "total": 120, "by_status": [{"code": "closed", "count": 100}], "by_category": [{**CATEGORY, "count": 12}],
        "by_area": [{**NAMED, "count": 40}], "by_severity": [{"code": "normal", "count": 110}], "by_unit": [{**UNIT, "count": 30}],
    })

    area: Named
    from_: Day = Field(alias="from")
    to: Day
    total: int
    by_status: list[CodeCount]
    by_category: list[CategoryCount]
    by_area: list[NamedCount]
    by_severity: list[CodeCount]
    by_unit: list[NamedCount]
