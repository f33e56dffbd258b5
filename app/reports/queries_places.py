"""Reports by place: what is open nearby."""

import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.areas import geo
from app.categories import queries as categories_queries
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared, Row
from app.db.session import AsyncSession
from app.reports import eyes
from app.reports.models import Report
from app.reports.queries import CLOCK
from app.reports.sights import Near
from app.uploads import photos

ROUNDED_BY_M = 80  # a rounded place is at most so far from the exact one
# The point that is asked about, a degree of longitude there as a share of one of latitude, how much further than the nearest to look, in
# degrees of latitude, and the edges of the box that holds the radius.
LNG, LAT, NARROW, FURTHER = (sa.bindparam(name, type_=sa.Float) for name in ("lng", "lat", "narrow", "further"))
EDGES = [sa.bindparam(name, type_=sa.Float) for name in ("west", "south", "east", "north")]
MOST = sa.bindparam("most", type_=sa.Integer)
POINT = sa.func.point(col(Report.lng), col(Report.lat))  # in the words of the index
OWN = [col(getattr(Report, name)) for name in Near._fields[: Near._fields.index("exact")]]


async def nearby(
    session: AsyncSession, *, lng: float, lat: float, radius_m: int, category_code: str | None, limit: int
) -> list[Near]:
    """Open reports whose shown place lies within the radius, nearest first, at most `limit`; of one place the newest first.

    A guarded place is looked for where it is shown: asking around must not find out where it really is.
    """
    await acting.as_service(session, Reason.AROUND)
    west, south, east, north = geo.around(lng, lat, radius_m + ROUNDED_BY_M)
    rows = await _nearby(category_code is not None).all(
        session, lng=lng, lat=lat, narrow=max(0.01, math.cos(math.radians(lat))), west=west, south=south, east=east, north=north,
        further=2 * math.degrees(ROUNDED_BY_M / geo.EARTH_RADIUS_M), category_code=category_code, most=limit,
    )
    near = [_near(row, lng, lat) for row in rows]
    return sorted((one for one in near if one.distance_m <= radius_m), key=lambda one: one.distance_m)


def _near(row: Row, lng: float, lat: float) -> Near:
    shown = eyes.point(row["lng"], row["lat"], exact=row["exact"])
    return Near._make([*row.values(), round(geo.distance_m(lng, lat, *shown))])


@lru_cache
def _nearby(of_category: bool) -> Prepared:
    guarded = categories_queries.guards(col(Report.category_code), col(Report.category_version))
    within = [col(Report.ended_at).is_(None), _in(_box(*EDGES))]
    looked = within[:1]  # no planner knows what a box holds: without one it goes by the index, from the nearest on
    if of_category:
        within.append(col(Report.category_code) == sa.bindparam("category_code"))
        looked = within
    east, north = (sa.case((guarded, rounded(own)), else_=col(own)) for own in (Report.lng, Report.lat))
    named, shown = categories_queries.name_of(col(Report.category_code)), photos.photos_of(col(Report.id))
    asked = sa.select(*OWN, (~guarded).label("exact"), CLOCK.label("now"), named.label("category"), shown.label("photos"))
    return Prepared(asked.where(*within, _in(_reached(looked))).order_by(_squared(east, north), col(Report.id).desc()).limit(MOST))


def rounded(column: Any, *, digits: int = eyes.ROUND_DIGITS) -> sa.ColumnElement[float]:
    """A coordinate made coarse."""
    return sa.cast(sa.func.round(sa.cast(column, sa.Numeric), digits), sa.Float)


def _squared(east: Any, north: Any) -> sa.ColumnElement[float]:
    """How far a place is from the point, squared, in degrees of latitude."""
    return sa.func.power((east - LNG) * NARROW, 2) + sa.func.power(north - LAT, 2)


def _reached(looked: Collection[sa.ColumnElement[bool]]) -> sa.ColumnElement[Any]:
    """A box that holds the nearest, by the places that are shown, however many more there are around.

    So many are near by their exact places, which the index gives; shown, each of them is at most a rounding further away, and whatever
    is shown as near as that lies at most another rounding further. If one of them is outside the radius, all of the radius is in the box.
    """
    away = sa.func.sqrt(_squared(col(Report.lng), col(Report.lat))).label("away")
    nearest = sa.select(away).where(*looked).order_by(POINT.op("<->")(sa.func.point(LNG, LAT))).limit(MOST).correlate(None).subquery()
    up = sa.func.max(nearest.c.away) + FURTHER
    return sa.select(_box(LNG - up / NARROW, LAT - up, LNG + up / NARROW, LAT + up)).scalar_subquery()


def _box(west: Any, south: Any, east: Any, north: Any) -> sa.ColumnElement[Any]:
    return sa.func.box(sa.func.point(west, south), sa.func.point(east, north))


def _in(box: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return POINT.op("<@", is_comparison=True)(box)
