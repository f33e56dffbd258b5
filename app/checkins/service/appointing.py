"""Appointments: made at the confirmation or later, revoked, told about before they end."""

from collections import Counter
from datetime import date
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.checkins import queries, queries_figures, workflow
from app.checkins.models import AppointedRole, Appointment, CheckIn, Stopped
from app.checkins.schemas import AppointIn
from app.checkins.service import closing, notices
from app.checkins.workflow import Command, State
from app.db.base import new_id
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.errors import AlreadyExists, InvalidTransition, expect_version
from app.qrcodes import service as qrcodes_service
from app.qrcodes.models import Purpose
from app.security import sealing


async def make(session: AsyncSession, row: CheckIn, *, role: AppointedRole, term: tuple[date, date], by: UUID) -> Appointment:
    """Writes an appointment and the code of its certificate; the check-in is locked by the caller, the number is drawn last.

    Raises AlreadyExists where the same role is held at the same time.
    """
    if await queries.holds(session, checkin_id=row.id, role=role, term=term):
        raise AlreadyExists(f"这段时间内已聘任为{workflow.ROLE_NAMES[role]}")
    appointment_id = new_id()
    code = await qrcodes_service.make(session, purpose=Purpose.CERTIFICATE, target_id=appointment_id, title=None, issued_by=by)
    appointment = Appointment(
        id=appointment_id, number=await next_number(session, "Z"), checkin_id=row.id, role=role, valid_from=term[0], valid_until=term[1],
        appointed_by=by, qrcode_id=code.id,
    )
    session.add(appointment)
    await session.flush()
    return appointment


async def appoint(
    session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, told: AppointIn
) -> tuple[CheckIn, Appointment]:
    """Gives somebody who is taken in a further role, or the same one for a later time; tells them.

    Raises NotFound, ValidationFailed, Forbidden, InvalidTransition, AlreadyExists.
    """
    term = workflow.term(told.valid_from, told.valid_until, clock.today())
    row, _ = await closing.begun(session, principal, area_id=area_id, checkin_id=checkin_id, command=Command.APPOINT)
    role = workflow.role_for(row.kind, told.role)
    appointment = await make(session, row, role=role, term=term, by=principal.account_id)
    closing.audit(session, row, "appoint", appointment_id=str(appointment.id), role=role.value)
    await session.flush()
    await notices.tell_appointed(session, row, appointment)
    return row, appointment


async def revoke(
    session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, appointment_id: UUID, reason: str, seen: int | None
) -> tuple[CheckIn, Appointment]:
    """Takes an appointment back before its last day; the check-in goes on. Locks the check-in.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition.
    """
    row = await queries.access(session, principal=principal, area_id=area_id, checkin_id=checkin_id, lock=True)
    held = await queries.appointment_of(session, checkin_id=row.id, appointment_id=appointment_id)
    workflow.require_side(principal, row, Command.APPOINT)
    appointment = held.appointment
    expect_version(seen, appointment.version)
    if held.state not in (State.VALID, State.NOT_YET):
        raise InvalidTransition(state=held.state, allowed=[])
    appointment.stopped_at, appointment.stopped_as = await queries.now(session), Stopped.REVOKED
    appointment.stopped_by, appointment.version = principal.account_id, appointment.version + 1
    appointment.reason_sealed = sealing.seal(session, reason, table=queries.APPOINTMENT, column="reason", row=appointment.id)
    session.add(appointment)
    closing.audit(session, row, "revoke", appointment_id=str(appointment.id), role=appointment.role.value)
    await session.flush()
    await notices.tell_owner(session, row, title=f"您的{workflow.ROLE_NAMES[appointment.role]}聘任已撤销")
    return row, appointment


async def remind(session: AsyncSession, *, limit: int) -> int:
    """Tells those whose appointments end within 30 days, once, and each reviewer how many there are; returns the number told about."""
    found = await queries_figures.to_remind(session, limit=limit)
    at = await queries.now(session)
    paths: Counter[str] = Counter()
    for appointment, row in found:
        appointment.reminded_at = at
        session.add(appointment)
        paths[row.area_path] += 1
        await notices.tell_ending(session, row, appointment)
    await session.flush()
    told: Counter[UUID] = Counter()
    for path, count in paths.items():
        for account_id in await auth_queries.covering(session, area_path=path, roles=[Role.REVIEWER]):
            told[account_id] += count
    for account_id, count in sorted(told.items()):
        await notices.tell_count(session, account_id, count)
    return len(found)
