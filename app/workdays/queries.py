"""Reckoning with the calendar in the database."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.workdays import workflow
from app.workdays.models import CalendarDay, Source
from app.workdays.workflow import DAY_MINUTES, Calendar

DAYS = Prepared(
    sa.select(col(CalendarDay.day), col(CalendarDay.workday), col(CalendarDay.note)).where(
        sa.between(col(CalendarDay.day), sa.bindparam("first", type_=sa.Date), sa.bindparam("last", type_=sa.Date))
    )
)
LONGEST_BREAK = 30  # calendar days; the longest real break (Spring Festival) has nine


def ahead(minutes: int) -> timedelta:
    """The days that so many working minutes can take."""
    return timedelta(days=2 * (minutes // DAY_MINUTES + 1) + LONGEST_BREAK if minutes else 0)


async def calendar(session: AsyncSession, *, start: datetime, end: datetime, minutes: int = 0) -> Calendar:
    """The days from `start` to `end`, and as many more as so many working minutes after it can take."""
    first, last = clock.local_day(start), clock.local_day(max(start, end)) + ahead(minutes)
    return Calendar({row["day"]: (row["workday"], row["note"]) for row in await DAYS.all(session, first=first, last=last)})


def known(first: Any, last: Any, *, workday: bool) -> sa.ScalarSelect[Any]:
    """The days of a span that the table knows as working days, or as free ones, as part of another statement: for `read_known`."""
    kind = col(CalendarDay.workday) if workday else ~col(CalendarDay.workday)
    return sa.select(sa.func.array_agg(col(CalendarDay.day))).where(sa.between(col(CalendarDay.day), first, last), kind).scalar_subquery()


def read_known(working: Iterable[date] | None, free: Iterable[date] | None) -> Calendar:
    """Without their notes."""
    days = dict.fromkeys(working or (), (True, None)) | dict.fromkeys(free or (), (False, None))
    return Calendar(days)


async def days(session: AsyncSession, *, first: date, last: date) -> list[CalendarDay]:
    """Every day from the first to the last; one that the table does not know follows the weekday."""
    found = await session.exec(
        sa.select(CalendarDay).where(sa.between(col(CalendarDay.day), first, last)).execution_options(populate_existing=True)
    )
    known: dict[date, CalendarDay] = {row.day: row for row in found.scalars().all()}
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        known[day] if day in known else CalendarDay(day=day, workday=workflow.weekday_rule(day), note=None, source=Source.RULE)
        for day in every
    ]


async def add_minutes(session: AsyncSession, *, start: datetime, minutes: int) -> datetime:
    """The instant by which so many working minutes have passed since `start` (eight hours a working day)."""
    return workflow.add_working_minutes(start, minutes, await calendar(session, start=start, end=start, minutes=max(1, minutes)))


async def add_days(session: AsyncSession, *, start: datetime, days: int) -> datetime:
    """So many working days later, at the same time of day when `start` lies in working hours, else at a day's end."""
    return await add_minutes(session, start=start, minutes=days * DAY_MINUTES)


async def minutes_between(session: AsyncSession, *, start: datetime, end: datetime) -> int:
    """Whole working minutes from `start` to `end`: what a paused clock has left, what a deadline moves by. 0 when the end comes first."""
    return workflow.working_minutes(start, end, await calendar(session, start=start, end=end))


async def is_workday(session: AsyncSession, day: date) -> bool:
    return (await days(session, first=day, last=day))[0].workday
