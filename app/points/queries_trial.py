"""The awards that a changed rule is tried on, read for some members at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.principal import within
from app.db.session import AsyncSession
from app.points.models import PointsAward
from app.points.replay import Event, Other, Reach

AT_ONCE = 1_000
Turn = tuple[list[Other], list[Event]]


@dataclass(frozen=True, slots=True)
class Span:
    """Awards of a rule that were filed on these local days, both included, in an area (None: everywhere)."""

    code: str
    first: date
    last: date
    area_path: str | None

    def inside(self) -> sa.ColumnElement[bool]:
        return sa.and_(col(PointsAward.rule_code) == self.code, col(PointsAward.filed_on).between(self.first, self.last))

    def events(self) -> sa.ColumnElement[bool]:
        return self.inside() if self.area_path is None else sa.and_(self.inside(), within(col(PointsAward.area_path), [self.area_path]))

    def weeks(self) -> tuple[date, date]:
        return self.first - timedelta(days=self.first.weekday()), self.last + timedelta(days=6 - self.last.weekday())

    def months(self) -> tuple[date, date]:
        return clock.month_start(self.first), clock.next_month(self.last) - timedelta(days=1)

    def around(self) -> tuple[date, date]:
        """The days that caps of these days look at: whole weeks and years."""
        monday, sunday = self.weeks()
        return min(monday, date(self.first.year, 1, 1)), max(sunday, date(self.last.year, 12, 31))


async def members(session: AsyncSession, span: Span) -> Sequence[Any]:
    """(member, events, unplaced) of everybody with awards in these days.

    `unplaced` do not say where they were earned, so that they may or may not lie in the area that was asked for.
    """
    unplaced = sa.false() if span.area_path is None else col(PointsAward.area_path).is_(None)
    found = await session.exec(
        sa.select(
            col(PointsAward.member_id), sa.func.count().filter(span.events()).label("events"),
            sa.func.count().filter(unplaced).label("unplaced"),
        ).where(span.inside()).group_by(col(PointsAward.member_id))
    )
    return found.all()


def batches(found: Iterable[Any]) -> Iterator[list[UUID]]:
    """Members with events, in lots of about as many events each: a statement for each lot is short, however long the trial."""
    lot: list[UUID] = []
    events = 0
    for row in found:
        if row.events:
            lot.append(row.member_id)
            events += row.events
        if events >= AT_ONCE:
            yield lot
            lot, events = [], 0
    if lot:
        yield lot


async def turns(session: AsyncSession, span: Span, lot: Sequence[UUID], figures: dict[int, int]) -> list[Turn]:
    """For each member: what else was credited, and the awards in question in the order of filing.

    `figures`: version of the rule → its points.
    """
    found = await session.exec(_asked(span, lot))
    made: dict[UUID, Turn] = {member_id: ([], []) for member_id in lot}
    for member_id, reach, filed_on, credited, used, *told in found.all():
        others, events = made[member_id]
        if reach is None:
            events.append(_event(figures, filed_on, credited, used, *told))
        else:
            others.append(Other(filed_on, credited, used, reach))
    return list(made.values())


def _event(
    figures: dict[int, int], filed_on: date, credited: int, used: int, withheld: int, reason: str | None, units: int, each: int | None,
    version: int, area_path: str | None,
) -> Event:
    """An earlier release did not keep what a category or an official had set for a unit: it shows in what was asked for."""
    asked = credited + withheld
    if each is None and version in figures and asked != figures[version] * units:
        each = asked // units
    return Event(filed_on, area_path, units, used, each, credited, withheld, reason)


def _asked(span: Span, lot: Sequence[UUID]) -> sa.Select[Any]:
    """Events, in which `reach` is null, and sums of what else there is."""
    theirs = col(PointsAward.member_id) == sa.any_(sa.literal(list(lot), sa.ARRAY(sa.Uuid)))  # the same statement for every lot
    events = _events(span).where(theirs).subquery()
    others = _others(span, list(events.c)).where(theirs).subquery()
    both = sa.union_all(sa.select(*events.c), sa.select(*others.c)).subquery("both")
    return sa.select(*(column for column in both.c if column.name != "id")).order_by(both.c.filed_on, both.c.id)


def _events(span: Span) -> sa.Select[Any]:
    used = sa.case((col(PointsAward.credited) > 0, col(PointsAward.units_credited)), else_=0)
    columns: list[Any] = [
        col(PointsAward.member_id), sa.cast(sa.null(), sa.Integer).label("reach"), col(PointsAward.filed_on), col(PointsAward.credited),
        used.label("used"), col(PointsAward.withheld), col(PointsAward.withheld_reason).label("reason"), col(PointsAward.units),
        col(PointsAward.points_each), col(PointsAward.rule_version), col(PointsAward.area_path), col(PointsAward.id),
    ]
    return sa.select(*columns).where(span.events())


def _others(span: Span, events: Sequence[Any]) -> sa.Select[Any]:
    """By member and day near the days of the trial, by month and year farther off; with the columns of `events`."""
    on, mine, (first, last) = col(PointsAward.filed_on), col(PointsAward.rule_code) == span.code, span.around()
    near, in_months = on.between(*span.weeks()), on.between(*span.months())
    told: dict[str, Any] = {
        "member_id": col(PointsAward.member_id),
        "reach": sa.case((near, Reach.DAY.value), (in_months, Reach.MONTH.value), else_=Reach.YEAR.value),
        "filed_on": sa.cast(
            sa.case((near, on), (in_months, sa.func.date_trunc("month", on)), else_=sa.func.date_trunc("year", on)), sa.Date
        ),
        "credited": sa.func.sum(PointsAward.credited),
        "used": sa.func.coalesce(sa.func.sum(PointsAward.units_credited).filter(mine), 0),
    }
    columns = [told.get(column.name, sa.cast(sa.null(), column.type)).label(column.name) for column in events]
    return (
        sa.select(*columns)
        .where(on.between(first, last), col(PointsAward.credited) > 0, sa.not_(sa.func.coalesce(span.events(), sa.false())))
        .group_by(sa.literal_column("1"), sa.literal_column("2"), sa.literal_column("3"))
    )
