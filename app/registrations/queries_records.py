"""What is kept beside a registration: declarations, reasons, history, contacts, contact cards. Whoever lets staff see it audits that."""

import json
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.organisations import queries as organisations_queries
from app.registrations import workflow
from app.registrations.models import (
    ActorRole,
    CardPhone,
    Command,
    ContactCard,
    Declaration,
    Registration,
    RegistrationContact,
    RegistrationEvent,
    RegistrationText,
    Reminder,
    Status,
)
from app.schemas import named
from app.security import sealing

TABLE, DECLARATION, CONTACT, TEXT = "registration", "registration_declaration", "registration_contact", "registration_text"
DECLARED = ("political_status", "party")
MOST = 200
TOLD_THE_PERSON = (Command.RETURN, Command.REJECT)


def in_office() -> sa.ColumnElement[bool]:
    """The predicate of registrations whose contact person holds an office of the organisation, and can be reached."""
    return auth_queries.holds_office(col(Registration.contact_account_id), col(Registration.organisation_id), workflow.CONTACT_ROLES)


async def declarations(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """`political_status` and `party` of registrations that have not ended."""
    return {one: {name: told.get(name) for name in DECLARED} for one, told in (await _declared(session, ids)).items()}


async def mobile_since(session: AsyncSession, rows: Sequence[Registration]) -> dict[UUID, date]:
    """Since when the six months of mobile members are counted, by registration."""
    mobile = [row.id for row in rows if row.six_months_on is not None]
    told = await _declared(session, mobile) if mobile else {}
    return {one: date.fromisoformat(said["mobile_since"]) for one, said in told.items() if "mobile_since" in said}


async def _declared(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    found = await session.exec(
        sa.select(Declaration).where(col(Declaration.registration_id).in_(set(ids))).execution_options(populate_existing=True)
    )
    return {row.registration_id: _opened(session, row) for row in found.scalars().all()}


async def declaration(session: AsyncSession, *, registration_id: UUID) -> dict[str, Any] | None:
    """The same of one; None once the registration has ended."""
    return (await declarations(session, [registration_id])).get(registration_id)


def _opened(session: AsyncSession, row: Declaration) -> dict[str, Any]:
    text = sealing.unseal(session, row.sealed, table=DECLARATION, column="sealed", row=row.registration_id)
    declared: dict[str, Any] = json.loads(text)
    return declared


def reason(session: AsyncSession, row: Registration) -> str | None:
    """The last reason that was given, whatever for."""
    sealed = row.reason_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="reason", row=row.id)


def told_reason(session: AsyncSession, row: Registration) -> str | None:
    """The last reason as the person is told it: why it was returned or rejected, not why somebody handed it on."""
    return reason(session, row) if row.status in (Status.RETURNED, Status.REJECTED) else None


async def history(session: AsyncSession, row: Registration, *, staff: bool) -> list[dict[str, Any]]:
    """What became of a registration, oldest first; contacts have their own log. Nothing once it was closed with the consent.

    `staff` reads every reason, the person those for a return or a rejection.
    """
    found = await session.exec(
        sa.select(RegistrationEvent)
        .where(col(RegistrationEvent.registration_id) == row.id, col(RegistrationEvent.command) != Command.CONTACTS)
        .order_by(col(RegistrationEvent.id).desc())
        .limit(MOST)
    )
    events = list(reversed(found.scalars().all()))
    if not events or events[-1].command is Command.CLOSE:
        return []
    texts = await _texts(session, row.id)
    ids = {one for event in events for one in (event.organisation_id, event.from_organisation_id) if one is not None}
    organisations = await organisations_queries.by_ids(session, ids)
    return [
        {
            "command": event.command, "from": event.from_status, "to": event.to_status, "at": event.created_at, "by": event.actor_role,
            "organisation": named(organisations.get(event.organisation_id) if event.organisation_id else None),
            "from_organisation": named(organisations.get(event.from_organisation_id) if event.from_organisation_id else None),
            "reason": texts.get(event.reason_id) if event.reason_id and (staff or event.command in TOLD_THE_PERSON) else None,
        }
        for event in events
    ]


async def _texts(session: AsyncSession, registration_id: UUID) -> dict[UUID, str]:
    found = await session.exec(sa.select(RegistrationText).where(col(RegistrationText.registration_id) == registration_id))
    return {
        row.id: sealing.unseal(session, row.sealed, table=TEXT, column="sealed", row=row.id) for row in found.scalars().all()
    }


async def contacts(session: AsyncSession, *, registration_id: UUID, reader_id: UUID | None) -> list[dict[str, Any]]:
    """What was noted at each contact and by whom, newest first."""
    found = await session.exec(
        sa.select(RegistrationContact)
        .where(col(RegistrationContact.registration_id) == registration_id)
        .order_by(col(RegistrationContact.id).desc())
        .limit(MOST)
    )
    rows = found.scalars().all()
    people = await members_queries.by_ids(session, {row.made_by for row in rows})
    return [
        {
            "note": _note(session, row), "next_contact_on": row.next_contact_on, "at": row.created_at,
            "by": {
                "role": row.made_as or ActorRole.SECRETARY, "name": members_queries.name_of(session, people.get(row.made_by)),
            },
            "made_by_you": row.made_by == reader_id,
        }
        for row in rows
    ]


def _note(session: AsyncSession, row: RegistrationContact) -> str | None:
    return None if row.note_sealed is None else sealing.unseal(session, row.note_sealed, table=CONTACT, column="note", row=row.id)


async def card(session: AsyncSession, *, account_id: UUID) -> CardPhone | None:
    """What a contact person agreed to have shown; None as long as nothing was said, then it is the office's number."""
    found = await session.exec(sa.select(col(ContactCard.phone)).where(col(ContactCard.account_id) == account_id))
    phone: CardPhone | None = found.scalars().first()
    return phone


async def cards(session: AsyncSession, rows: Sequence[Registration]) -> dict[UUID, CardPhone]:
    """The cards of the contact persons of registrations, by registration; who holds the office no more is left out."""
    followed = [row.id for row in rows if row.contact_account_id is not None]
    if not followed:
        return {}
    found = await session.exec(
        sa.select(col(Registration.id), sa.func.contact_card(col(Registration.contact_account_id), type_=sa.Text))
        .where(col(Registration.id).in_(followed), in_office())
    )
    return {registration_id: CardPhone(phone) if phone else CardPhone.OFFICE for registration_id, phone in found.all()}


async def reminders(session: AsyncSession, *, account_id: UUID) -> list[dict[str, Any]]:
    """Of which days it is still known that somebody was reminded, as JSON."""
    found = await session.exec(
        sa.select(col(Reminder.kind), col(Reminder.day)).where(col(Reminder.account_id) == account_id).order_by(col(Reminder.id))
    )
    return [{"kind": kind.value, "day": day.isoformat()} for kind, day in found.all()]


async def copy_of(session: AsyncSession, row: Registration) -> dict[str, Any]:
    """One registration as JSON, for the copy of one's data: contacts without the officials' names."""
    six_months = row.six_months_on.isoformat() if row.six_months_on else None
    return {
        "number": row.number, "direction": row.direction.value, "status": row.status.value, "at": row.created_at.isoformat(),
        "matched_by": row.matched_by.value if row.matched_by else None, "management": row.management.value if row.management else None,
        "reason": told_reason(session, row), "next_contact_on": row.next_contact_on.isoformat() if row.next_contact_on else None,
        "six_months_on": six_months, "declared": await declaration(session, registration_id=row.id),
        "contacts": [
            {"note": one["note"], "next_contact_on": one["next_contact_on"].isoformat(), "at": one["at"].isoformat()}
            for one in await contacts(session, registration_id=row.id, reader_id=None)
        ],
        "history": [
            step | {
                "at": step["at"].isoformat(), "organisation": (step["organisation"] or {}).get("name"),
                "from_organisation": (step["from_organisation"] or {}).get("name"),
            }
            for step in await history(session, row, staff=False)
        ],
    }
