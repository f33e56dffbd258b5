"""What the secretary of an organisation decides about the registrations of it."""

from typing import Any
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed, expect_version
from app.organisations import queries as organisations_queries
from app.organisations.models import Organisation
from app.registrations import queries, queries_records, workflow
from app.registrations.models import ActorRole, Command, Management, Registration
from app.registrations.schemas import ApproveIn
from app.registrations.service import declaring, ending, history, notices
from app.security import sealing


async def approve(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, told: ApproveIn, seen: int | None
) -> Registration:
    """Takes somebody in, with a contact person and the day of the next contact.

    Raises NotFound, Forbidden (also for an organisation that does not stand below the caller's), ValidationFailed for a contact person
    who is not of its staff, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    left = row.organisation_id
    home_id = await _home(session, principal, row, told.organisation_id)
    await require_staff(session, home_id, told.contact_account_id, row)
    expect_version(seen, row.version)
    was, row.status = row.status, workflow.step(ActorRole.SECRETARY, row.status, Command.APPROVE)
    row.organisation_id, row.management = home_id, told.management
    row.contact_account_id, row.next_contact_on, row.reason_sealed = told.contact_account_id, told.next_contact_on, None
    row.matched_by = row.matched_by if home_id == left else None
    await _count_six_months(session, row)
    history.note(
        session, row, Command.APPROVE, was=was, role=ActorRole.SECRETARY, from_organisation_id=None if home_id == left else left
    )
    await save(
        session, row, Command.APPROVE, organisation_id=str(home_id), contact_id=str(told.contact_account_id),
        management=told.management.value,
    )
    await notices.tell_member(session, row)
    await notices.tell_contact_person(session, row, but=principal.account_id)
    return row


async def _home(session: AsyncSession, principal: Principal, row: Registration, organisation_id: UUID | None) -> UUID:
    assert row.organisation_id is not None, "what a secretary decides has an organisation"
    if organisation_id is None or organisation_id == row.organisation_id:
        return row.organisation_id
    wanted = await organisations_queries.get(session, organisation_id)
    leads = principal.holds(ScopeType.ORGANISATION, wanted.id, Role.ORG_SECRETARY)
    if not leads and not await organisations_queries.stands_above(session, above_id=row.organisation_id, below_id=wanted.id):
        raise Forbidden("只能由本组织或下级组织接收，其他组织请用转交")
    _require_in_being(wanted)
    await acting.as_service(session, Reason.HAND_OVER)
    return wanted.id


def _require_in_being(organisation: Organisation) -> None:
    if not organisation.in_being(clock.today()):
        raise ValidationFailed.of("body", "organisation_id", msg="该组织已撤销或尚未成立", kind="organisation")


async def require_staff(session: AsyncSession, organisation_id: UUID, contact_id: UUID, row: Registration) -> None:
    """Raises ValidationFailed for a contact person who holds no office of the organisation, or who is the member."""
    staff = await auth_queries.people_at(session, scope_type=ScopeType.ORGANISATION, scope_id=organisation_id)
    of_staff = any(account_id == contact_id and role in workflow.CONTACT_ROLES for account_id, role in staff)
    if contact_id == row.member_id or not of_staff:
        raise ValidationFailed.of("body", "contact_account_id", msg="联系人应为该组织的负责人或指导员", kind="contact")


async def _count_six_months(session: AsyncSession, row: Registration) -> None:
    """From the day since when a mobile member said to be away, else from today."""
    if row.management is not Management.MOBILE:
        return
    declared = await queries_records.declaration(session, registration_id=row.id)
    since = workflow.away_since(declared) or clock.today()
    row.six_months_on = workflow.months_later(since, workflow.MOBILE_MONTHS)
    await declaring.write(session, row.id, (declared or {}) | {"mobile_since": since.isoformat()})


async def send_back(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Returns a registration for correction. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    was, row.status = row.status, workflow.step(ActorRole.SECRETARY, row.status, Command.RETURN)
    row.reason_sealed = _sealed_reason(session, row, reason)
    history.note(session, row, Command.RETURN, was=was, role=ActorRole.SECRETARY, reason=reason)
    await save(session, row, Command.RETURN)
    await notices.tell_member(session, row)
    return row


async def reject(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Ends a registration; what was declared is deleted. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    was, status = row.status, workflow.step(ActorRole.SECRETARY, row.status, Command.REJECT)
    row.reason_sealed = _sealed_reason(session, row, reason)
    await ending.end(session, row, status)
    history.note(session, row, Command.REJECT, was=was, role=ActorRole.SECRETARY, reason=reason)
    audit(session, row, Command.REJECT)
    await notices.tell_member(session, row)
    return row


async def transfer(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, organisation_id: UUID, reason: str, seen: int | None
) -> Registration:
    """Hands a registration over to another organisation: from now on that one's secretary decides, the caller sees it no more.

    Raises NotFound, Forbidden, ValidationFailed for the same organisation or a dissolved one, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    target = await organisations_queries.get(session, organisation_id)
    if target.id == row.organisation_id:
        raise ValidationFailed.of("body", "organisation_id", msg="请选择其他组织", kind="organisation")
    _require_in_being(target)
    await acting.as_service(session, Reason.HAND_OVER)
    expect_version(seen, row.version)
    was, row.status = row.status, workflow.step(ActorRole.SECRETARY, row.status, Command.TRANSFER)
    left = row.organisation_id
    row.organisation_id, row.matched_by, row.reason_sealed = target.id, None, _sealed_reason(session, row, reason)
    history.note(session, row, Command.TRANSFER, was=was, role=ActorRole.SECRETARY, from_organisation_id=left, reason=reason)
    await save(session, row, Command.TRANSFER, from_id=str(left), to_id=str(target.id))
    await notices.tell_member(session, row)
    await notices.tell_staff(session, row, target)
    return row


def _sealed_reason(session: AsyncSession, row: Registration, reason: str) -> bytes:
    return sealing.seal(session, reason, table=queries_records.TABLE, column="reason", row=row.id)


async def save(session: AsyncSession, row: Registration, command: Command, **facts: Any) -> None:
    row.version += 1
    session.add(row)
    audit(session, row, command, **facts)
    await session.flush()


def audit(session: AsyncSession, row: Registration, command: Command, **facts: Any) -> None:
    audit_service.record(
        session, f"registrations.{command.value}", object_kind="registration", object_id=row.id, area_path=row.area_path, **facts
    )
