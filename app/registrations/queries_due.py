"""What the morning's jobs look for: contacts that are due, registrations that wait, contact persons who left, six months that are over."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.auth.models import AccessGrant, Account
from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.organisations.models import Organisation
from app.registrations.models import Registration, RegistrationEvent, Reminder, ReminderKind, Status
from app.registrations.queries import TODAY, mobile
from app.registrations.queries_records import in_office

LATE_DAYS = 3
SECRETARY = sa.and_(
    col(AccessGrant.scope_type) == ScopeType.ORGANISATION, col(AccessGrant.role) == Role.ORG_SECRETARY,
    col(AccessGrant.revoked_at).is_(None), col(AccessGrant.valid_until) > auth_queries.CLOCK, col(Account.status) == AccountStatus.ACTIVE,
)
APPROVED = col(Registration.status) == Status.APPROVED
# The local day on which it came to the organisation that has it, or came back to it.
PENDING_SINCE = sa.func.coalesce(
    sa.select(sa.func.max(RegistrationEvent.created_at))
    .where(col(RegistrationEvent.registration_id) == col(Registration.id), col(RegistrationEvent.to_status) == Status.PENDING)
    .correlate(Registration)
    .scalar_subquery(),
    col(Registration.created_at),
)
WAITING = sa.and_(
    col(Registration.status) == Status.PENDING,
    sa.cast(sa.func.timezone("Asia/Shanghai", PENDING_SINCE), sa.Date) <= TODAY - LATE_DAYS,
)


async def due(session: AsyncSession) -> Sequence[Any]:
    """(contact person, how many contacts are due today or overdue), of those who hold the office."""
    found = await session.exec(
        sa.select(col(Registration.contact_account_id), sa.func.count())
        .where(APPROVED, col(Registration.next_contact_on) <= TODAY, in_office())
        .group_by(col(Registration.contact_account_id))
        .order_by(col(Registration.contact_account_id))
    )
    return found.all()


async def overdue(session: AsyncSession) -> Sequence[Any]:
    """(secretary, how many contacts by others are overdue by three days and more)."""
    late = sa.and_(
        APPROVED, col(Registration.next_contact_on) <= TODAY - LATE_DAYS,
        col(Registration.contact_account_id) != col(AccessGrant.account_id),
    )
    return await _by_secretary(session, late)


async def waiting(session: AsyncSession) -> Sequence[Any]:
    """(secretary, how many registrations of others wait for three days and more)."""
    return await _by_secretary(session, WAITING)


async def _by_secretary(session: AsyncSession, what: sa.ColumnElement[bool]) -> Sequence[Any]:
    found = await session.exec(
        sa.select(col(AccessGrant.account_id), sa.func.count(sa.distinct(col(Registration.id))))
        .select_from(Registration)
        .join(AccessGrant, col(AccessGrant.scope_id) == col(Registration.organisation_id))
        .join(Account, col(Account.id) == col(AccessGrant.account_id))
        .where(what, SECRETARY, col(Registration.member_id) != col(AccessGrant.account_id))
        .group_by(col(AccessGrant.account_id))
        .order_by(col(AccessGrant.account_id))
    )
    return found.all()


async def headless(session: AsyncSession) -> Sequence[str]:
    """The area paths of organisations where registrations wait for three days and more and nobody may decide; one path for each."""
    somebody = sa.exists(
        sa.select(sa.literal(1))
        .select_from(AccessGrant)
        .join(Account, col(Account.id) == col(AccessGrant.account_id))
        .where(
            col(AccessGrant.scope_id) == col(Registration.organisation_id), SECRETARY,
            col(AccessGrant.account_id) != col(Registration.member_id),
        )
    )
    found = await session.exec(
        sa.select(col(Organisation.area_path))
        .where(
            sa.exists(
                sa.select(sa.literal(1)).where(
                    col(Registration.organisation_id) == col(Organisation.id), WAITING, sa.not_(somebody)
                )
            )
        )
        .order_by(col(Organisation.id))
    )
    return found.scalars().all()


async def left(session: AsyncSession) -> Sequence[tuple[UUID, UUID]]:
    """(organisation, registration) whose contact person holds no office there any more, and nobody was told."""
    return await _untold(session, sa.and_(APPROVED, sa.not_(in_office())), ReminderKind.CONTACT_LEFT)


async def six_months(session: AsyncSession) -> Sequence[tuple[UUID, UUID]]:
    """(organisation, registration) of mobile members whose six months are over, and nobody was told."""
    return await _untold(session, sa.and_(mobile(), col(Registration.six_months_on) <= TODAY), ReminderKind.SIX_MONTHS)


async def _untold(session: AsyncSession, what: sa.ColumnElement[bool], kind: ReminderKind) -> Sequence[tuple[UUID, UUID]]:
    told = sa.exists(
        sa.select(sa.literal(1)).where(col(Reminder.registration_id) == col(Registration.id), col(Reminder.kind) == kind)
    )
    found = await session.exec(
        sa.select(col(Registration.organisation_id), col(Registration.id))
        .where(what, sa.not_(told))
        .order_by(col(Registration.organisation_id), col(Registration.id))
    )
    return [(organisation_id, registration_id) for organisation_id, registration_id in found.all()]
