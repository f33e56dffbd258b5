"""What a report is filed on, all of it read in one statement: its category, the areas of its place, the calendar of its first limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.areas import queries_around
from app.areas.queries_around import Around
from app.categories import leaves
from app.categories.leaves import Leaf
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.reports import queries_clocks, reckoning
from app.reports.reckoning import Ruler
from app.reports.workflow import Clock
from app.workdays import queries as workdays_queries
from app.workdays.workflow import MINUTE, Calendar

DAYS = timedelta(days=60)  # enough for fourteen working days; a category that gives more for a review is asked about by itself


def _ground() -> sa.Select[*tuple[Any, ...]]:
    lng, lat = sa.bindparam("lng", type_=sa.Float), sa.bindparam("lat", type_=sa.Float)
    first, last = sa.bindparam("first", type_=sa.Date), sa.bindparam("last", type_=sa.Date)
    leaf = leaves.of(sa.bindparam("code", type_=sa.Text))
    always = sa.select(sa.literal_column("1")).subquery("always")
    return sa.select(
        *leaf.c, queries_around.around(lng, lat).label("areas"), workdays_queries.known(first, last, workday=True).label("working"),
        workdays_queries.known(first, last, workday=False).label("free"),
    ).select_from(always.outerjoin(leaf, sa.true()))


GROUND = Prepared(_ground())


@dataclass(frozen=True, slots=True)
class Ground:
    """`chain`: from the root down to the deepest area whose boundary holds the place. `calendar` ends with the day `last`."""

    leaf: Leaf | None
    chain: list[Around]
    calendar: Calendar
    last: date


async def ground(session: AsyncSession, *, code: str | None, lng: float, lat: float, now: datetime) -> Ground:
    first = clock.local_day(now)
    row = await GROUND.first(session, code=code, lng=lng, lat=lat, first=first, last=first + DAYS)
    assert row is not None  # the statement has one, whatever there is
    calendar = workdays_queries.read_known(row["working"], row["free"])
    return Ground(leaves.read(row), queries_around.chain(row["areas"], lng, lat), calendar, first + DAYS)


async def ruler(session: AsyncSession, ground: Ground, limit: Mapping[str, Any], *, now: datetime) -> Ruler:
    """What measures the first limit, which begins now."""
    minutes = max(reckoning.length(limit) // MINUTE, 1)
    if limit["clock"] == Clock.WORKING and clock.local_day(now) + workdays_queries.ahead(minutes) > ground.last:
        return await queries_clocks.ruler(session, limit, start=now, end=now)
    return reckoning.ruler(limit, ground.calendar)
