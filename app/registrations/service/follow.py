"""Following up those who were taken in: contacts, who makes them, and what a contact person lets be shown."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Conflict, expect_version
from app.members import queries as members_queries
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.registrations import queries, queries_records, workflow
from app.registrations.models import ActorRole, CardPhone, Command, ContactCard, Registration, RegistrationContact, Reminder, ReminderKind
from app.registrations.schemas import ContactPersonIn
from app.registrations.service import decide, history, notices
from app.security import sealing


async def note_contact(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, note: str, next_on: date, seen: int | None
) -> Registration:
    """Notes a contact that took place, by the secretary or the contact person; `next_on` is the day of the next one.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_followed(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    role = workflow.standing(principal, row)
    assert role is not None, "access_followed lets nobody else in"
    was, row.status = row.status, workflow.step(role, row.status, Command.CONTACTS)
    row.next_contact_on = next_on
    made_as = ActorRole.CONTACT if row.contact_account_id == principal.account_id else ActorRole.SECRETARY
    contact_id = new_id()
    sealed = sealing.seal(session, note, table=queries_records.CONTACT, column="note", row=contact_id)
    session.add(
        RegistrationContact(
            id=contact_id, registration_id=row.id, made_by=principal.account_id, made_as=made_as, note_sealed=sealed,
            next_contact_on=next_on,
        )
    )
    history.note(session, row, Command.CONTACTS, was=was, role=made_as)
    await decide.save(session, row, Command.CONTACTS, contact_id=str(contact_id))
    return row


async def name_contact_person(
    session: AsyncSession, *, principal: Principal, registration_id: UUID, told: ContactPersonIn, seen: int | None
) -> Registration:
    """Names another contact person, for instance because one left; the member hears that there is news.

    Raises NotFound, Forbidden, ValidationFailed for somebody who is not of the organisation's staff, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_led(session, principal=principal, registration_id=registration_id)
    assert row.organisation_id is not None, "what a secretary leads has an organisation"
    await decide.require_staff(session, row.organisation_id, told.contact_account_id, row)
    expect_version(seen, row.version)
    was, row.status = row.status, workflow.step(ActorRole.SECRETARY, row.status, Command.CONTACT_PERSON)
    row.contact_account_id, row.next_contact_on = told.contact_account_id, told.next_contact_on or row.next_contact_on
    await session.exec(
        sa.delete(Reminder).where(col(Reminder.registration_id) == row.id, col(Reminder.kind) == ReminderKind.CONTACT_LEFT)
    )
    history.note(session, row, Command.CONTACT_PERSON, was=was, role=ActorRole.SECRETARY)
    await decide.save(session, row, Command.CONTACT_PERSON, contact_id=str(told.contact_account_id))
    await notices.tell_member(session, row)
    await notices.tell_contact_person(session, row, but=principal.account_id)
    return row


async def set_card(session: AsyncSession, *, principal: Principal, phone: CardPhone, real_name: str | None) -> None:
    """What those whom the caller looks after are shown.

    Raises Forbidden without an office or for the name of a console account, PhoneRequired for a number not bound, Conflict for another
    name than the one that the caller's own registration holds: that one is corrected there.
    """
    workflow.require_contact_office(principal)
    if phone is CardPhone.OWN:
        principal.require_phone()
    if real_name is not None:
        members_workflow.require_member(principal)
        await _name_official(session, principal.account_id, real_name)
    await session.exec(
        insert(ContactCard)
        .values(account_id=principal.account_id, phone=phone)
        .on_conflict_do_update(index_elements=["account_id"], set_={"phone": phone, "changed_at": sa.func.clock_timestamp()})
    )
    audit_service.record(
        session, "registrations.contact_card", object_kind="account", object_id=principal.account_id, phone=phone.value
    )


async def _name_official(session: AsyncSession, account_id: UUID, real_name: str) -> None:
    known = await members_queries.real_name(session, member_id=account_id)
    if known == real_name:
        return
    if await queries.open_of(session, member_id=account_id) is not None:
        raise Conflict("姓名以您本人的登记为准，请在登记中更正")
    await members_service.set_profile(session, member_id=account_id, real_name=real_name)
