"""Every SELECT of registrations themselves; history, declarations and contacts stand in `queries_records`, what is due in `queries_due`."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from app.auth import queries as auth_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.registrations import queries_records, workflow
from app.registrations.models import ActorRole, Management, Registration, Status

TODAY = auth_queries.TODAY
IS_OPEN = col(Registration.status).in_(workflow.OPEN)
SixMonthsState = Literal["reached", "running"]


async def access(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """One's own, those of organisations that one leads, those whose contact person one is, and in one's areas those that are active.

    Raises NotFound elsewhere.
    """
    row = await session.get(Registration, registration_id, populate_existing=True)
    if row is None or not _visible(principal, row):
        raise NotFound
    return row


async def access_own(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """Locks one's own. Raises NotFound for one that the caller may not see, Forbidden for one that is another person's."""
    return await _access_as(session, principal, registration_id, ActorRole.MEMBER)


async def access_led(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """Locks one of an organisation that the caller leads. Raises NotFound, Forbidden for the own one and without the office."""
    return await _access_as(session, principal, registration_id, ActorRole.SECRETARY)


async def access_followed(session: AsyncSession, *, principal: Principal, registration_id: UUID) -> Registration:
    """Locks one that the caller leads or is the contact person of. Raises NotFound, Forbidden."""
    return await _access_as(session, principal, registration_id, ActorRole.SECRETARY, ActorRole.CONTACT)


async def _access_as(session: AsyncSession, principal: Principal, registration_id: UUID, *roles: ActorRole) -> Registration:
    row = await locked(session, registration_id)
    if row is None or not _visible(principal, row):
        raise NotFound
    if workflow.standing(principal, row) not in roles:
        raise Forbidden
    return row


async def locked(session: AsyncSession, registration_id: UUID) -> Registration | None:
    found = await session.exec(
        sa.select(Registration)
        .where(col(Registration.id) == registration_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: Registration | None = found.scalars().first()
    return row


def _visible(principal: Principal, row: Registration) -> bool:
    stands = workflow.standing(principal, row) is not None
    return stands or (row.status is Status.ACTIVE and principal.covers(row.area_path, Role.AREA_ADMIN))


def _led(principal: Principal) -> sa.ColumnElement[bool]:
    return col(Registration.organisation_id).in_(principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY))


def _followed(principal: Principal) -> sa.ColumnElement[bool]:
    """Led, or looked after as the contact person."""
    offices = principal.scope_ids(ScopeType.ORGANISATION, *workflow.CONTACT_ROLES)
    named = sa.and_(col(Registration.contact_account_id) == principal.account_id, col(Registration.organisation_id).in_(offices))
    return sa.or_(_led(principal), named)


def _in_scope(principal: Principal) -> sa.ColumnElement[bool]:
    """The staff's part of `_visible`, as a predicate: an area administrator never sees a state that only Party members have."""
    administered = within(col(Registration.area_path), principal.area_paths(Role.AREA_ADMIN))
    return sa.or_(_followed(principal), sa.and_(col(Registration.status) == Status.ACTIVE, administered))


async def own(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[Registration]:
    """A person's registrations, newest first, one more than `limit`."""
    statement = sa.select(Registration).where(col(Registration.member_id) == member_id)
    return await _page(session, statement, limit, after)


async def in_scope(
    session: AsyncSession, *, principal: Principal, status: Status | None, organisation_id: UUID | None, area_path: str | None, limit: int,
    after: UUID | None, six_months: SixMonthsState | None = None,
) -> Sequence[Registration]:
    """What the caller may see as staff, newest first, one more than `limit`. `six_months` looks at what the caller leads, no more."""
    statement = sa.select(Registration).where(_in_scope(principal))
    if status is not None:
        statement = statement.where(col(Registration.status) == status)
    if organisation_id is not None:
        statement = statement.where(col(Registration.organisation_id) == organisation_id)
    if area_path is not None:
        statement = statement.where(within(col(Registration.area_path), [area_path]))
    if six_months is not None:
        over = col(Registration.six_months_on) <= TODAY
        statement = statement.where(_led(principal), mobile(), over if six_months == "reached" else sa.not_(over))
    return await _page(session, statement, limit, after)


def mobile() -> sa.ColumnElement[bool]:
    """The predicate of those whose six months are counted."""
    return sa.and_(col(Registration.status) == Status.APPROVED, col(Registration.management) == Management.MOBILE)


async def contacts_due(
    session: AsyncSession, *, principal: Principal, overdue: bool | None, limit: int, after: UUID | None
) -> Sequence[Registration]:
    """Whom the caller's organisations, or the caller as contact person, should contact today or should have contacted.

    `overdue` true: before today; false: today. Newest registration first, one more than `limit`.
    """
    day = col(Registration.next_contact_on)
    when = day <= TODAY if overdue is None else day < TODAY if overdue else day == TODAY
    statement = sa.select(Registration).where(_followed(principal), col(Registration.status) == Status.APPROVED, when)
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
    found = await session.exec(sa.select(current_of(member_id)))
    return read_current(found.scalar_one())


def current_of(member_id: Any) -> sa.ScalarSelect[Any]:
    """The same as part of another statement: for `read_current`."""
    row = Registration
    told = sa.func.jsonb_build_array(
        col(row.id), col(row.number), col(row.status), col(row.direction), col(row.organisation_id), col(row.version), type_=JSONB
    )
    return sa.select(told).where(col(row.member_id) == member_id, IS_OPEN).scalar_subquery()


def read_current(told: Sequence[Any] | None) -> dict[str, Any] | None:
    if told is None:
        return None
    row_id, number, status, direction, organisation_id, version = told
    return {
        "id": row_id, "number": number, "status": status, "direction": direction, "organisation_id": organisation_id, "version": version,
        "allowed": workflow.allowed(Status(status), ActorRole.MEMBER),
    }


async def organisation_of(session: AsyncSession, *, member_id: UUID) -> UUID | None:
    """The organisation that a person is registered with now."""
    row = await open_of(session, member_id=member_id)
    return None if row is None else row.organisation_id


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's registrations with what they declared and what became of them; for a contact person the card, and the reminders."""
    found = await session.exec(sa.select(Registration).where(col(Registration.member_id) == member_id).order_by(col(Registration.id)))
    rows, card = found.scalars().all(), await queries_records.card(session, account_id=member_id)
    return {
        "registrations": [await queries_records.copy_of(session, row) for row in rows], "contact_card": card.value if card else None,
        "reminders": await queries_records.reminders(session, account_id=member_id),
    }
