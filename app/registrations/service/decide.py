"""What the secretary of an organisation does with the registrations of it."""

from datetime import date
from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed, expect_version
from app.organisations import queries as organisations_queries
from app.registrations import queries, workflow
from app.registrations.models import Registration, RegistrationContact
from app.registrations.schemas import ApproveIn
from app.registrations.service import ending, notices
from app.registrations.workflow import Command
from app.security import sealing

CONTACT_ROLES = (Role.ORG_SECRETARY, Role.INSTRUCTOR)


async def approve(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, told: ApproveIn, seen: int | None
) -> Registration:
    """Takes somebody in, with a contact person and the day of the next contact.

    Raises NotFound, Forbidden (also for an organisation that does not stand below the caller's), ValidationFailed for a contact person
    who is not of its staff, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    home_id = await _home(session, principal, row, told.organisation_id)
    await _require_staff(session, home_id, told.contact_account_id, row)
    expect_version(seen, row.version)
    row.status = workflow.staff_step(row.status, Command.APPROVE)
    row.organisation_id, row.management = home_id, told.management
    row.contact_account_id, row.next_contact_on, row.reason_sealed = told.contact_account_id, told.next_contact_on, None
    await _save(
        session, row, Command.APPROVE, organisation_id=str(home_id), contact_id=str(told.contact_account_id),
        management=told.management.value,
    )
    await notices.tell_member(session, row)
    return row


async def _home(session: AsyncSession, principal: Principal, row: Registration, organisation_id: UUID | None) -> UUID:
    assert row.organisation_id is not None, "what a secretary decides has an organisation"
    if organisation_id is None or organisation_id == row.organisation_id:
        return row.organisation_id
    wanted = await organisations_queries.get(session, organisation_id)
    leads = principal.holds(ScopeType.ORGANISATION, wanted.id, Role.ORG_SECRETARY)
    if not leads and not await organisations_queries.stands_above(session, above_id=row.organisation_id, below_id=wanted.id):
        raise Forbidden("只能由本组织或下级组织接收，其他组织请用转交")
    return wanted.id


async def _require_staff(session: AsyncSession, organisation_id: UUID, contact_id: UUID, row: Registration) -> None:
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.ORGANISATION, scope_id=organisation_id)
    if contact_id == row.member_id or not any(grant.account_id == contact_id and grant.role in CONTACT_ROLES for grant in staff):
        raise ValidationFailed.of("body", "contact_account_id", msg="联系人应为该组织的负责人或指导员", kind="contact")


async def send_back(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Returns a registration for correction. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    row.status = workflow.staff_step(row.status, Command.RETURN)
    row.reason_sealed = _sealed_reason(session, row, reason)
    await _save(session, row, Command.RETURN)
    await notices.tell_member(session, row)
    return row


async def reject(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Ends a registration; what was declared is deleted. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    status = workflow.staff_step(row.status, Command.REJECT)
    row.reason_sealed = _sealed_reason(session, row, reason)
    await ending.end(session, row, status)
    _audit(session, row, Command.REJECT)
    await notices.tell_member(session, row)
    return row


async def transfer(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, organisation_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Hands a registration over to another organisation: from now on that one's secretary decides, the caller sees it no more.

    Raises NotFound, Forbidden, ValidationFailed for the same organisation, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    target = await organisations_queries.get(session, organisation_id)
    if target.id == row.organisation_id:
        raise ValidationFailed.of("body", "organisation_id", msg="请选择其他组织", kind="organisation")
    expect_version(seen, row.version)
    row.status = workflow.staff_step(row.status, Command.TRANSFER)
    left = row.organisation_id
    row.organisation_id, row.reason_sealed = target.id, _sealed_reason(session, row, reason)
    await _save(session, row, Command.TRANSFER, from_id=str(left), to_id=str(target.id))
    await notices.tell_member(session, row)
    await notices.tell_staff(session, row, target)
    return row


async def note_contact(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, note: str, next_on: date, seen: int | None
) -> Registration:
    """Notes a contact that took place; `next_on` is the day of the next one. Raises NotFound, Forbidden, VersionMismatch,
    InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    row.status = workflow.staff_step(row.status, Command.CONTACTS)
    row.next_contact_on = next_on
    contact_id = new_id()
    sealed = sealing.seal(session, note, table=queries.CONTACT, column="note", row=contact_id)
    session.add(
        RegistrationContact(
            id=contact_id, registration_id=row.id, made_by=principal.account_id, note_sealed=sealed, next_contact_on=next_on
        )
    )
    await _save(session, row, Command.CONTACTS, contact_id=str(contact_id))
    return row


def _sealed_reason(session: AsyncSession, row: Registration, reason: str) -> bytes:
    return sealing.seal(session, reason, table=queries.TABLE, column="reason", row=row.id)


async def _save(session: AsyncSession, row: Registration, command: Command, **facts: Any) -> None:
    row.version += 1
    session.add(row)
    _audit(session, row, command, **facts)
    await session.flush()


def _audit(session: AsyncSession, row: Registration, command: Command, **facts: Any) -> None:
    audit_service.record(
        session, f"registrations.{command.value}", object_kind="registration", object_id=row.id, area_path=row.area_path, **facts
    )
