"""How registrations end: withdrawn by the person, closed with a consent, erased with the account."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import expect_version
from app.registrations import queries, workflow
from app.registrations.models import (
    ActorRole,
    Command,
    ContactCard,
    Declaration,
    Registration,
    RegistrationContact,
    Reminder,
    Status,
)
from app.registrations.service import history


async def withdraw(session: AsyncSession, *, principal: Principal, registration_id: UUID, seen: int | None) -> Registration:
    """Ends one's own registration; what was declared about the Party is deleted at once.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_own(session, principal=principal, registration_id=registration_id)
    expect_version(seen, row.version)
    was = row.status
    await end(session, row, workflow.step(ActorRole.MEMBER, was, Command.WITHDRAW))
    history.note(session, row, Command.WITHDRAW, was=was, role=ActorRole.MEMBER)
    audit_service.record(
        session, "registrations.withdraw", object_kind="registration", object_id=row.id, area_path=row.area_path
    )
    return row


async def end(session: AsyncSession, row: Registration, status: Status) -> None:
    """Puts a locked registration into a final state: no contact person any more, nothing declared is kept."""
    row.status, row.version = status, row.version + 1
    row.management = row.contact_account_id = row.next_contact_on = row.six_months_on = None
    session.add(row)
    await session.exec(sa.delete(Declaration).where(col(Declaration.registration_id) == row.id))
    await session.flush()


async def close_party(session: AsyncSession, *, member_id: UUID) -> None:
    """For the withdrawal of the consent `party_identity`: ends an open registration of a Party member, deletes what was declared, noted
    and given as reasons. The registration of somebody who declared no membership stays. Locks the registrations; call it before the
    member is locked.
    """
    for row in await queries.locked_of(session, member_id=member_id):
        if row.status is Status.ACTIVE:
            continue
        await _empty(session, row)
        audit_service.record(
            session, "registrations.close_party", object_kind="registration", object_id=row.id, area_path=row.area_path
        )


async def _empty(session: AsyncSession, row: Registration) -> None:
    """From here on the history is not shown any more: the steps alone would tell what must not be known."""
    was, row.reason_sealed = row.status, None
    await end(session, row, Status.WITHDRAWN if row.status in workflow.OPEN else row.status)
    history.note(session, row, Command.CLOSE, was=was, role=ActorRole.SYSTEM)
    await history.erase_texts(session, row)
    await session.exec(sa.delete(Reminder).where(col(Reminder.registration_id) == row.id))
    await session.exec(
        sa.update(RegistrationContact).where(col(RegistrationContact.registration_id) == row.id).values(note_sealed=None)
    )


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Ends what is open and erases all that was declared and written about a person; numbers, states and steps stay.

    Of a contact person the card and the reminders go; whom they looked after gets another one.
    """
    for row in await queries.locked_of(session, member_id=member_id):
        await _empty(session, row)
    await session.exec(sa.delete(ContactCard).where(col(ContactCard.account_id) == member_id))
    await session.exec(sa.delete(Reminder).where(col(Reminder.account_id) == member_id))
