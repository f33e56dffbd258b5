"""Reports by place: what is open nearby."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo
from app.categories import queries as categories_queries
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.reports import eyes
from app.reports.models import Report
from app.reports.queries import CLOCK

ROUNDED_BY_M = 80  # a rounded place is at most so far from the exact one
POINT = sa.func.point(col(Report.lng), col(Report.lat))  # in the words of the index


@dataclass(frozen=True, slots=True)
class Near:
    """`exact` is whether strangers may know the exact place; the distance is to the place that is shown."""

    report: Report
    exact: bool
    distance_m: int
    now: datetime


async def nearby(
    session: AsyncSession, *, lng: float, lat: float, radius_m: int, category_code: str | None, limit: int
) -> list[Near]:
    """Open reports whose shown place lies within the radius, nearest first, at most `limit`; of one place the newest first.

    A guarded place is looked for where it is shown: asking around must not find out where it really is.
    """
    await acting.as_service(session, Reason.AROUND)
    guarded = categories_queries.guards(col(Report.category_code), col(Report.category_version))
    within = [col(Report.ended_at).is_(None), _in(_box(*geo.around(lng, lat, radius_m + ROUNDED_BY_M)))]
    if category_code is not None:
        within.append(col(Report.category_code) == category_code)
    east, north = (sa.case((guarded, rounded(own)), else_=col(own)) for own in (Report.lng, Report.lat))
    asked = sa.select(Report, ~guarded, CLOCK).where(*within, _in(_reached(lng, lat, within, limit)))
    found = await session.exec(asked.order_by(_squared(east, north, lng, lat), col(Report.id).desc()).limit(limit))
    near = [Near(report, exact, _away(report, exact, lng, lat), now) for report, exact, now in found.all()]
    return sorted((one for one in near if one.distance_m <= radius_m), key=lambda one: one.distance_m)


def rounded(column: Any, *, digits: int = eyes.ROUND_DIGITS) -> sa.ColumnElement[float]:
    """A coordinate made coarse."""
    return sa.cast(sa.func.round(sa.cast(column, sa.Numeric), digits), sa.Float)


def _away(report: Report, exact: bool, lng: float, lat: float) -> int:
    return round(geo.distance_m(lng, lat, *eyes.point(report.lng, report.lat, exact=exact)))


def _squared(east: Any, north: Any, lng: float, lat: float) -> sa.ColumnElement[float]:
    """How far a place is from the point, squared, in degrees of latitude."""
    return sa.func.power((east - lng) * _narrow(lat), 2) + sa.func.power(north - lat, 2)


def _reached(lng: float, lat: float, within: Collection[sa.ColumnElement[bool]], limit: int) -> sa.ColumnElement[Any]:
    """A box that holds the nearest `limit`, by the places that are shown, however many more there are around.

    So many are near by their exact places, which the index gives; shown, each of them is at most a rounding further away, and whatever
    is shown as near as that lies at most another rounding further.
    """
    away = sa.func.sqrt(_squared(col(Report.lng), col(Report.lat), lng, lat)).label("away")
    nearest = sa.select(away).where(*within).order_by(POINT.op("<->")(sa.func.point(lng, lat))).limit(limit).correlate(None).subquery()
    up = sa.func.max(nearest.c.away) + 2 * math.degrees(ROUNDED_BY_M / geo.EARTH_RADIUS_M)
    return sa.select(_box(lng - up / _narrow(lat), lat - up, lng + up / _narrow(lat), lat + up)).scalar_subquery()


def _narrow(lat: float) -> float:
    """A degree of longitude as a share of one of latitude."""
    return max(0.01, math.cos(math.radians(lat)))


def _box(west: Any, south: Any, east: Any, north: Any) -> sa.ColumnElement[Any]:
    return sa.func.box(sa.func.point(west, south), sa.func.point(east, north))


def _in(box: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return POINT.op("<@", is_comparison=True)(box)
