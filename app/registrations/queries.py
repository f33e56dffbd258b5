"""Every SELECT of registrations."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.registrations import workflow
from app.registrations.models import Declaration, Registration, RegistrationContact, Status
from app.security import sealing

TABLE, DECLARATION, CONTACT = "registration", "registration_declaration", "registration_contact"
TODAY = sa.cast(sa.func.timezone("Asia/Shanghai", sa.func.clock_timestamp()), sa.Date)
IS_OPEN = col(Registration.status).in_(workflow.OPEN)


async def access(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """One's own, those of organisations that one leads, and in one's areas those that are active. Raises NotFound elsewhere."""
    row = await session.get(Registration, registration_id, populate_existing=True)
    if row is None or not _visible(principal, row):
        raise NotFound
    return row


async def access_own(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """Locks one's own. Raises NotFound for one that the caller may not see, Forbidden for one that is another person's."""
    row = await _locked(session, principal, registration_id)
    if row.member_id != principal.account_id:
        raise Forbidden
    return row


async def access_led(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """Locks one of an organisation that the caller leads. Raises NotFound, Forbidden for the own one and without the office."""
    row = await _locked(session, principal, registration_id)
    if row.member_id == principal.account_id or not leads(principal, row):
        raise Forbidden
    return row


async def _locked(session: AsyncSession, principal: Principal, registration_id: UUID) -> Registration:
    found = await session.exec(
        sa.select(Registration)
        .where(col(Registration.id) == registration_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: Registration | None = found.scalars().first()
    if row is None or not _visible(principal, row):
        raise NotFound
    return row


def leads(principal: Principal, row: Registration) -> bool:
    organisation_id = row.organisation_id
    return organisation_id is not None and principal.holds(ScopeType.ORGANISATION, organisation_id, Role.ORG_SECRETARY)


def _visible(principal: Principal, row: Registration) -> bool:
    own = row.member_id == principal.account_id or leads(principal, row)
    return own or (row.status is Status.ACTIVE and principal.covers(row.area_path, Role.AREA_ADMIN))


def _in_scope(principal: Principal) -> sa.ColumnElement[bool]:
    """The staff's part of `_visible`, as a predicate: an area administrator never sees a state that only Party members have."""
    led = principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY)
    administered = within(col(Registration.area_path), principal.area_paths(Role.AREA_ADMIN))
    return sa.or_(col(Registration.organisation_id).in_(led), sa.and_(col(Registration.status) == Status.ACTIVE, administered))


async def own(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Registration]:
    """A person's registrations, newest first, one more than `limit`."""
    statement = sa.select(Registration).where(col(Registration.member_id) == member_id)
    return await _page(session, statement, limit, after)


async def in_scope(
    session: AsyncSession, *, principal: Principal, status: Status | None, organisation_id: UUID | None, area_path: str | None, limit: int,
    after: UUID | None,
) -> Sequence[Registration]:
    """What the caller may see as staff, newest first, one more than `limit`."""
    statement = sa.select(Registration).where(_in_scope(principal))
    if status is not None:
        statement = statement.where(col(Registration.status) == status)
    if organisation_id is not None:
        statement = statement.where(col(Registration.organisation_id) == organisation_id)
    if area_path is not None:
        statement = statement.where(within(col(Registration.area_path), [area_path]))
    return await _page(session, statement, limit, after)


async def contacts_due(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[Registration]:
    """The members of the caller's organisations whose next contact is today or overdue, newest registration first."""
    led = principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY)
    statement = sa.select(Registration).where(
        col(Registration.organisation_id).in_(led), col(Registration.status) == Status.APPROVED,
        col(Registration.next_contact_on) <= TODAY,
    )
    return await _page(session, statement, limit, after)


async def _page(session: AsyncSession, statement: Any, limit: int, after: UUID | None) -> Sequence[Registration]:
    if after is not None:
        statement = statement.where(col(Registration.id) < after)
    found = await session.exec(statement.order_by(col(Registration.id).desc()).limit(limit + 1))
    rows: Sequence[Registration] = found.scalars().all()
    return rows


async def counts(session: AsyncSession, *, area_path: str) -> dict[Status, int]:
    """How many open registrations an area and everything below it have, by state."""
    found = await session.exec(
        sa.select(col(Registration.status), sa.func.count())
        .where(IS_OPEN, within(col(Registration.area_path), [area_path]))
        .group_by(col(Registration.status))
    )
    return {Status(status): count for status, count in found.all()}


async def open_of(session: AsyncSession, *, member_id: UUID) -> Registration | None:
    """The one open registration of a person."""
    found = await session.exec(sa.select(Registration).where(col(Registration.member_id) == member_id, IS_OPEN))
    row: Registration | None = found.scalars().first()
    return row


async def locked_of(session: AsyncSession, *, member_id: UUID) -> Sequence[Registration]:
    """All registrations of a person, locked, oldest first."""
    found = await session.exec(
        sa.select(Registration)
        .where(col(Registration.member_id) == member_id)
        .order_by(col(Registration.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


async def current(session: AsyncSession, *, member_id: UUID) -> dict[str, Any] | None:
    """The open registration as the person's profile shows it."""
    row = await open_of(session, member_id=member_id)
    if row is None:
        return None
    return {
        "id": str(row.id), "number": row.number, "status": row.status.value, "direction": row.direction.value,
        "organisation_id": str(row.organisation_id) if row.organisation_id else None, "version": row.version,
        "allowed": workflow.allowed(row.status, own=True, secretary=False),
    }


async def organisation_of(session: AsyncSession, *, member_id: UUID) -> UUID | None:
    """The organisation that a person is registered with now."""
    row = await open_of(session, member_id=member_id)
    return None if row is None else row.organisation_id


async def declaration(session: AsyncSession, *, registration_id: UUID) -> dict[str, Any] | None:
    """`political_status` and `party`; None once the registration has ended. Whoever lets staff see it audits that."""
    row = await session.get(Declaration, registration_id, populate_existing=True)
    if row is None:
        return None
    declared: dict[str, Any] = json.loads(sealing.unseal(session, row.sealed, table=DECLARATION, column="sealed", row=registration_id))
    return declared


def reason(session: AsyncSession, row: Registration) -> str | None:
    sealed = row.reason_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="reason", row=row.id)


async def contacts(session: AsyncSession, *, registration_id: UUID) -> list[dict[str, Any]]:
    """What was noted at each contact, newest first."""
    found = await session.exec(
        sa.select(RegistrationContact)
        .where(col(RegistrationContact.registration_id) == registration_id)
        .order_by(col(RegistrationContact.id).desc())
        .limit(100)
    )
    return [
        {"note": _note(session, row), "next_contact_on": row.next_contact_on, "at": row.created_at} for row in found.scalars().all()
    ]


def _note(session: AsyncSession, row: RegistrationContact) -> str | None:
    return None if row.note_sealed is None else sealing.unseal(session, row.note_sealed, table=CONTACT, column="note", row=row.id)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's registrations with what they declared, for the copy of one's data."""
    found = await session.exec(sa.select(Registration).where(col(Registration.member_id) == member_id).order_by(col(Registration.id)))
    return {
        "registrations": [
            {
                "number": row.number, "direction": row.direction.value, "status": row.status.value, "at": row.created_at.isoformat(),
                "management": row.management.value if row.management else None, "reason": reason(session, row),
                "next_contact_on": row.next_contact_on.isoformat() if row.next_contact_on else None,
                "declared": await declaration(session, registration_id=row.id),
                "contacts": [
                    {**contact, "next_contact_on": contact["next_contact_on"].isoformat(), "at": contact["at"].isoformat()}
                    for contact in await contacts(session, registration_id=row.id)
                ],
            }
            for row in found.scalars().all()
        ]
    }
