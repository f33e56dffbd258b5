"""Changes of the calendar: a day as a notice has it, a year as the library has it. Either moves the limits that run."""

from collections.abc import Mapping
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.jobs import service as jobs_service
from app.workdays import queries, workflow
from app.workdays.models import CalendarDay, Source

RECOUNT = "report.recount_clocks"
STRAGGLERS = timedelta(minutes=2)


async def put_day(session: AsyncSession, *, principal: Principal, day: date, workday: bool, note: str | None) -> CalendarDay:
    """Enters what a notice says of a day; from then on the library leaves that day alone. Raises Forbidden."""
    if not workflow.may_edit(principal):
        raise Forbidden
    entered = insert(CalendarDay).values(day=day, workday=workday, note=note, source=Source.NOTICE)
    changed = await _upsert(session, entered, sa.true())
    if changed:
        audit_service.record(
            session, "workdays.put_day", object_kind="calendar_day", object_id=None, day=day.isoformat(), workday=workday
        )
        await _recount(session)
    return (await queries.days(session, first=day, last=day))[0]


async def fill_year(session: AsyncSession, *, year: int, days: Mapping[date, tuple[bool, str | None]]) -> list[date]:
    """Takes over what the library says, but for the days that people entered; returns those that changed."""
    rows = [
        {"day": day, "workday": workday, "note": note, "source": Source.LIBRARY} for day, (workday, note) in sorted(days.items())
    ]
    changed = await _upsert(session, insert(CalendarDay).values(rows), col(CalendarDay.source) != Source.NOTICE)
    if changed:
        audit_service.record(
            session, "workdays.fill_year", object_kind="calendar_day", object_id=None, year=year, days=len(changed)
        )
        await _recount(session)
    return changed


async def _recount(session: AsyncSession) -> None:
    """At once, and once more when every transaction that had read the calendar before this one is over."""
    for delay in (None, STRAGGLERS):
        await jobs_service.enqueue(session, RECOUNT, {}, delay=delay)


async def _upsert(session: AsyncSession, entered: sa.dialects.postgresql.Insert, may: sa.ColumnElement[bool]) -> list[date]:
    """Enters rows where they may be entered and say something new; returns the days that did."""
    new = {name: entered.excluded[name] for name in ("workday", "note", "source")}
    differs = sa.tuple_(*(getattr(CalendarDay, name) for name in new)).is_distinct_from(sa.tuple_(*new.values()))
    done = await session.exec(
        entered.on_conflict_do_update(index_elements=["day"], set_=new, where=sa.and_(may, differs)).returning(col(CalendarDay.day))
    )
    return sorted(done.scalars().all())
