"""Reckoning with the calendar in the database."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.workdays import workflow
from app.workdays.models import CalendarDay
from app.workdays.workflow import DAY_MINUTES, IsWorkday

LONGEST_BREAK = 30  # calendar days; the longest real break (Spring Festival) has nine


async def add_minutes(session: AsyncSession, *, start: datetime, minutes: int) -> datetime:
    """The instant by which so many working minutes have passed since `start` (eight hours a working day)."""
    ahead = 2 * (minutes // DAY_MINUTES + 1) + LONGEST_BREAK
    calendar = await _calendar(session, clock.local_day(start), ahead)
    return workflow.add_working_minutes(start, minutes, calendar)


async def add_days(session: AsyncSession, *, start: datetime, days: int) -> datetime:
    """So many working days later, at the same time of day when `start` lies in working hours, else at a day's end."""
    return await add_minutes(session, start=start, minutes=days * DAY_MINUTES)


async def minutes_between(session: AsyncSession, *, start: datetime, end: datetime) -> int:
    """Whole working minutes from `start` to `end`: what a paused clock has left, what a deadline moves by. 0 when the end comes first."""
    first = clock.local_day(start)
    calendar = await _calendar(session, first, max(0, (clock.local_day(end) - first).days))
    return workflow.working_minutes(start, end, calendar)


async def is_workday(session: AsyncSession, day: date) -> bool:
    return (await _calendar(session, day, 0))(day)


async def _calendar(session: AsyncSession, first: date, ahead: int) -> IsWorkday:
    found = await session.exec(
        sa.select(col(CalendarDay.day), col(CalendarDay.workday)).where(
            sa.between(col(CalendarDay.day), first, first + timedelta(days=ahead))
        )
    )
    known: dict[date, bool] = {row[0]: row[1] for row in found.all()}
    return lambda day: known[day] if day in known else workflow.weekday_rule(day)
