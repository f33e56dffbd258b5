"""Every SELECT of check-ins and appointments but the figures (`queries_figures`)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.checkins import workflow
from app.checkins.models import AppointedRole, Appointment, CheckIn, Kind, Status
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import NotFound
from app.qrcodes.models import QrCode
from app.security import sealing

TABLE, APPOINTMENT = "community_checkin", "checkin_appointment"


def local_day(instant: Any) -> sa.ColumnElement[date]:
    return sa.cast(sa.func.timezone("Asia/Shanghai", instant), sa.Date)


TODAY = local_day(sa.func.clock_timestamp())


@dataclass(frozen=True, slots=True)
class Held:
    """An appointment as it stands on the present local day by the database's clock; `scene` is its code's."""

    appointment: Appointment
    state: workflow.State
    scene: str


async def access(session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, lock: bool = False) -> CheckIn:
    """One's own, one's enterprise's, those of areas that one reviews or administers. Raises NotFound elsewhere."""
    statement = sa.select(CheckIn).where(col(CheckIn.id) == checkin_id, col(CheckIn.area_id) == area_id)
    found = await session.exec((statement.with_for_update() if lock else statement).execution_options(populate_existing=True))
    row: CheckIn | None = found.scalars().first()
    if row is None or not workflow.visible(principal, row):
        raise NotFound
    return row


async def access_area(session: AsyncSession, *, principal: Principal, area_id: UUID) -> Area:
    """An area that the caller reviews or administers. Raises NotFound elsewhere."""
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, *workflow.STAFF):
        raise NotFound
    return area


async def within_area(
    session: AsyncSession, *, area_path: str, status: Status | None, kind: Kind | None, limit: int, after: UUID | None
) -> Sequence[CheckIn]:
    """The check-ins to communities of an area, newest first, one more than `limit`."""
    statement = sa.select(CheckIn).where(within(col(CheckIn.area_path), [area_path]))
    if status is not None:
        statement = statement.where(col(CheckIn.status) == status)
    if kind is not None:
        statement = statement.where(col(CheckIn.kind) == kind)
    return await _page(session, statement, limit, after)


async def own(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[CheckIn]:
    """One's own and those of enterprises whose contact one is, newest first, one more than `limit`."""
    firms = principal.scope_ids(ScopeType.ENTERPRISE, Role.ENTERPRISE_CONTACT)
    mine = sa.or_(col(CheckIn.member_id) == principal.account_id, col(CheckIn.enterprise_id).in_(firms))
    return await _page(session, sa.select(CheckIn).where(mine), limit, after)


async def _page(session: AsyncSession, statement: Any, limit: int, after: UUID | None) -> Sequence[CheckIn]:
    if after is not None:
        statement = statement.where(col(CheckIn.id) < after)
    found = await session.exec(statement.order_by(col(CheckIn.id).desc()).limit(limit + 1))
    rows: Sequence[CheckIn] = found.scalars().all()
    return rows


async def held(session: AsyncSession, checkin_ids: Collection[UUID]) -> dict[UUID, list[Held]]:
    """All appointments of these check-ins, the newest of each first."""
    found = await session.exec(
        sa.select(Appointment, TODAY, col(QrCode.scene))
        .join(QrCode, col(QrCode.id) == col(Appointment.qrcode_id))
        .where(col(Appointment.checkin_id).in_(set(checkin_ids)))
        .order_by(col(Appointment.id).desc())
    )
    grouped: dict[UUID, list[Held]] = {}
    for appointment, today, scene in found.all():
        grouped.setdefault(appointment.checkin_id, []).append(Held(appointment, workflow.state(appointment, today), scene))
    return grouped


async def appointment_of(session: AsyncSession, *, checkin_id: UUID, appointment_id: UUID) -> Held:
    """Raises NotFound."""
    found = next((one for one in (await held(session, [checkin_id])).get(checkin_id, []) if one.appointment.id == appointment_id), None)
    if found is None:
        raise NotFound
    return found


async def holds(session: AsyncSession, *, checkin_id: UUID, role: AppointedRole, term: tuple[date, date]) -> bool:
    """Does the check-in, locked by the caller, have this role on any of these days already?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(Appointment.checkin_id) == checkin_id, col(Appointment.role) == role, col(Appointment.stopped_at).is_(None),
            col(Appointment.valid_from) <= term[1], col(Appointment.valid_until) >= term[0],
        )
    )
    return found.first() is not None


async def paid_in(session: AsyncSession, *, member_id: UUID, area_id: UUID, year: int) -> bool:
    """Was a check-in of this rider to this community, filed in this local year, paid already?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(CheckIn.member_id) == member_id, col(CheckIn.area_id) == area_id, col(CheckIn.award_year) == year
        )
    )
    return found.first() is not None


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    found = await session.exec(sa.select(sa.func.clock_timestamp()))
    instant: datetime = found.scalar_one()
    return instant


async def today(session: AsyncSession) -> date:
    """The local day by the database's clock."""
    found = await session.exec(sa.select(TODAY))
    day: date = found.scalar_one()
    return day


async def verified(session: AsyncSession, appointment_id: UUID) -> tuple[CheckIn, Held]:
    """An appointment with its check-in, for whoever scans its certificate. Raises NotFound."""
    await acting.as_service(session, Reason.SCAN)
    found = await session.exec(
        sa.select(CheckIn)
        .join(Appointment, col(Appointment.checkin_id) == col(CheckIn.id))
        .where(col(Appointment.id) == appointment_id)
    )
    row: CheckIn | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row, await appointment_of(session, checkin_id=row.id, appointment_id=appointment_id)


async def locked_of(session: AsyncSession, *, member_id: UUID) -> Sequence[CheckIn]:
    """A person's check-ins, locked, oldest first."""
    found = await session.exec(
        sa.select(CheckIn)
        .where(col(CheckIn.member_id) == member_id)
        .order_by(col(CheckIn.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


def note(session: AsyncSession, row: CheckIn) -> str | None:
    """None after an erasure."""
    return _opened(session, row.note_sealed, table=TABLE, column="note", row=row.id)


def reason(session: AsyncSession, row: CheckIn | Appointment) -> str | None:
    """Why a check-in was rejected or ended, or an appointment revoked; None after an erasure."""
    table = TABLE if isinstance(row, CheckIn) else APPOINTMENT
    return _opened(session, row.reason_sealed, table=table, column="reason", row=row.id)


def _opened(session: AsyncSession, sealed: bytes | None, *, table: str, column: str, row: UUID) -> str | None:
    return None if sealed is None else sealing.unseal(session, sealed, table=table, column=column, row=row)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's check-ins with their appointments, and those that they filed for an enterprise, for the copy of one's data."""
    found = await session.exec(
        sa.select(CheckIn)
        .where(sa.or_(col(CheckIn.member_id) == member_id, col(CheckIn.reported_by) == member_id))
        .order_by(col(CheckIn.id))
    )
    rows = found.scalars().all()
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    appointments = await held(session, {row.id for row in rows if row.member_id == member_id})
    return {
        "checkins": [
            {
                "kind": row.kind.value, "community": areas[row.area_id].name, "status": row.status.value, "at": row.created_at.isoformat(),
                "enterprise_id": str(row.enterprise_id) if row.enterprise_id else None,
                "wished_role": row.wished_role.value if row.wished_role else None, "note": note(session, row),
                "reason": reason(session, row),
                "appointments": [_exported(session, one) for one in reversed(appointments.get(row.id, []))],
            }
            for row in rows
        ]
    }


def _exported(session: AsyncSession, one: Held) -> dict[str, Any]:
    row = one.appointment
    return {
        "number": row.number, "role": row.role.value, "role_name": workflow.ROLE_NAMES[row.role], "state": one.state.value,
        "valid_from": row.valid_from.isoformat(), "valid_until": row.valid_until.isoformat(), "reason": reason(session, row),
    }
