"""Appointments and numbers of an area on a day: what a county reports about 双报到."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas.models import Area
from app.auth.principal import within
from app.checkins.models import AppointedRole, Appointment, CheckIn, Kind, Status
from app.checkins.queries import TODAY, local_day
from app.checkins.workflow import REMINDER_DAYS
from app.db.session import AsyncSession


def _in_force(area_path: str, on: date) -> tuple[sa.ColumnElement[bool], ...]:
    """An appointment that is stopped on a day does not count on that day any more."""
    stopped = col(Appointment.stopped_at)
    return (
        within(col(CheckIn.area_path), [area_path]), col(Appointment.valid_from) <= on, col(Appointment.valid_until) >= on,
        sa.or_(stopped.is_(None), local_day(stopped) > on),
    )


async def appointments(
    session: AsyncSession, *, area_path: str, on: date, role: AppointedRole | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """(appointment, check-in, today) of what is in force on a day, newest first, one more than `limit`."""
    statement = (
        sa.select(Appointment, CheckIn, TODAY)
        .join(CheckIn, col(CheckIn.id) == col(Appointment.checkin_id))
        .where(*_in_force(area_path, on))
    )
    if role is not None:
        statement = statement.where(col(Appointment.role) == role)
    if after is not None:
        statement = statement.where(col(Appointment.id) < after)
    found = await session.exec(statement.order_by(col(Appointment.id).desc()).limit(limit + 1))
    return found.all()


async def by_role(session: AsyncSession, *, area_path: str, on: date) -> dict[AppointedRole, int]:
    """How many appointments of each role are in force on a day."""
    found = await session.exec(
        sa.select(col(Appointment.role), sa.func.count())
        .join(CheckIn, col(CheckIn.id) == col(Appointment.checkin_id))
        .where(*_in_force(area_path, on))
        .group_by(col(Appointment.role))
    )
    return {AppointedRole(role): count for role, count in found.all()}


async def by_community(session: AsyncSession, *, area_path: str, on: date) -> Sequence[Any]:
    """(area id, name, riders, enterprises) that are confirmed on a day, for each community that has some, by its code."""
    decided, closed = col(CheckIn.decided_at), col(CheckIn.closed_at)
    found = await session.exec(
        sa.select(
            col(Area.id), col(Area.name), sa.func.count().filter(col(CheckIn.kind) == Kind.MEMBER),
            sa.func.count().filter(col(CheckIn.kind) == Kind.ENTERPRISE),
        )
        .select_from(CheckIn)
        .join(Area, col(Area.id) == col(CheckIn.area_id))
        .where(
            within(col(CheckIn.area_path), [area_path]), col(CheckIn.status).in_((Status.CONFIRMED, Status.ENDED)),
            local_day(decided) <= on, sa.or_(closed.is_(None), local_day(closed) > on),
        )
        .group_by(col(Area.id), col(Area.name), col(Area.code))
        .order_by(col(Area.code))
    )
    return found.all()


async def to_remind(session: AsyncSession, *, limit: int) -> Sequence[Any]:
    """(appointment, check-in) that end within 30 days and about which nobody was told, locked; none that was renewed, or that was made for
    less than 30 days.
    """
    later = aliased(Appointment)
    renewed = sa.exists(
        sa.select(sa.literal(1)).where(
            col(later.checkin_id) == col(Appointment.checkin_id), col(later.role) == col(Appointment.role),
            col(later.stopped_at).is_(None), col(later.valid_from) > col(Appointment.valid_until),
        )
    )
    last = col(Appointment.valid_until)
    found = await session.exec(
        sa.select(Appointment, CheckIn)
        .join(CheckIn, col(CheckIn.id) == col(Appointment.checkin_id))
        .where(
            col(Appointment.stopped_at).is_(None), col(Appointment.reminded_at).is_(None), last >= TODAY,
            last <= TODAY + REMINDER_DAYS, last - col(Appointment.valid_from) >= REMINDER_DAYS, sa.not_(renewed),
        )
        .order_by(col(Appointment.id))
        .limit(limit)
        .with_for_update(of=Appointment, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return found.all()

