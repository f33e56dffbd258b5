"""Reports by place: possible duplicates, what is open nearby, clusters of the map."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo
from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.reports import workflow
from app.reports.models import Report
from app.reports.queries import CLOCK

CELLS = 64  # at most so many clusters along one side of the map that is shown
Box = tuple[float, float, float, float]


async def duplicates(session: AsyncSession, *, category_code: str | None, lng: float, lat: float) -> list[dict[str, Any]]:
    """Open reports of the last seven days, of the same category, within 100 m; nearest first."""
    if category_code is None:
        return []
    found = await session.exec(
        sa.select(col(Report.id), col(Report.number), col(Report.status), col(Report.lng), col(Report.lat)).where(
            col(Report.ended_at).is_(None), col(Report.category_code) == category_code,
            col(Report.created_at) > CLOCK - workflow.DUPLICATE_WITHIN,
            *_in_box(geo.around(lng, lat, workflow.DUPLICATE_RADIUS_M)),
        )
    )
    near = [
        {"id": row.id, "number": row.number, "status": row.status, "distance_m": round(geo.distance_m(lng, lat, row.lng, row.lat))}
        for row in found.all()
    ]
    near = [one for one in near if one["distance_m"] <= workflow.DUPLICATE_RADIUS_M]
    return sorted(near, key=lambda one: int(one["distance_m"]))[:20]


@dataclass(frozen=True, slots=True)
class Near:
    report: Report
    distance_m: int
    now: datetime


async def nearby(
    session: AsyncSession, *, lng: float, lat: float, radius_m: int, category_code: str | None, limit: int
) -> list[Near]:
    """Open reports within the radius, nearest first, at most `limit`."""
    asked = sa.select(Report, CLOCK).where(col(Report.ended_at).is_(None), *_in_box(geo.around(lng, lat, radius_m)))
    if category_code is not None:
        asked = asked.where(col(Report.category_code) == category_code)
    away = sa.func.power((col(Report.lng) - lng) * sa.func.cos(sa.func.radians(lat)), 2) + sa.func.power(col(Report.lat) - lat, 2)
    found = await session.exec(asked.order_by(away, col(Report.id)).limit(limit))
    near = [Near(report, round(geo.distance_m(lng, lat, report.lng, report.lat)), now) for report, now in found.all()]
    return sorted((one for one in near if one.distance_m <= radius_m), key=lambda one: one.distance_m)


@dataclass(frozen=True, slots=True)
class Cluster:
    lng: float
    lat: float
    count: int


async def clusters(session: AsyncSession, *, principal: Principal, box: Box, zoom: int) -> list[Cluster]:
    """The reports in the box, snapped to a grid that the zoom sets: each is in exactly one cell, so the counts always sum up to the same.

    Staff see every state in their areas, everyone else what was accepted.
    """
    west, south, east, north = box
    cell = max(360 / 2**zoom / 8, (east - west) / CELLS, (north - south) / CELLS)
    if principal.has(*workflow.STAFF):
        scope = within(Report.area_path, principal.area_paths(*workflow.STAFF))
    else:
        scope = col(Report.status).in_(workflow.PUBLIC)
    column, row = (sa.func.floor(col(axis) / cell) for axis in (Report.lng, Report.lat))
    found = await session.exec(
        sa.select(sa.func.avg(col(Report.lng)), sa.func.avg(col(Report.lat)), sa.func.count())
        .where(scope, *_in_box(box))
        .group_by(column, row)
    )
    return [Cluster(lng, lat, count) for lng, lat, count in found.all()]


def _in_box(box: Box) -> tuple[sa.ColumnElement[bool], ...]:
    west, south, east, north = box
    return sa.between(col(Report.lat), south, north), sa.between(col(Report.lng), west, east)


