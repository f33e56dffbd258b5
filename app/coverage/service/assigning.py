"""Who looks after an organisation or an enterprise. An instructor's assignment and grant begin and end together."""

from datetime import date, timedelta
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant
from app.auth.principal import AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.coverage import queries, workflow
from app.coverage.models import Assignment, Duty
from app.coverage.schemas import AssignmentIn
from app.coverage.workflow import Place
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, ValidationFailed


async def assign(
    session: AsyncSession, *, principal: Principal, scope_type: ScopeType, place_id: UUID, told: AssignmentIn
) -> Assignment:
    """Assigns somebody to an organisation or enterprise, which is locked. An instructor gets the grant of that name until the same day.

    One whose time is over already is written down only. A liaison gets no grant, and must have an account.

    Raises NotFound, Forbidden, AlreadyExists for the same duty at the same time, ValidationFailed for days or a phone that do not fit,
    and as `auth.service.grant`.
    """
    today = clock.today()
    since = told.since or today
    until = workflow.term(told.role, since, told.until, today)
    place = await queries.access_administered(session, principal, scope_type, place_id)
    by_right = told.role is Duty.INSTRUCTOR and workflow.lasts(until, today)
    account_id = await _resolved(session, told) if by_right else await _known(session, told)
    held = await queries.instructor_grant(session, of=place, account_id=account_id, phone=told.phone) if by_right else None
    if await queries.assigned_meanwhile(
        session, of=place, role=told.role, account_id=account_id, grant_id=held.id if held else None, since=since, until=until
    ):
        raise AlreadyExists("该人员在这段时间已经担任此职")
    grant = await _granted(session, principal, place, told, until, held) if until and by_right else None
    row = Assignment(
        role=told.role, account_id=grant.account_id if grant else account_id, grant_id=grant.id if grant else None, since=since,
        until=until, **place.columns,
    )
    session.add(row)
    await session.flush()
    await _record(session, "coverage.assign", place, row)
    return row


async def _granted(
    session: AsyncSession, principal: Principal, place: Place, told: AssignmentIn, until: date, held: AccessGrant | None
) -> AccessGrant:
    """The grant that goes with an assignment. One that was given without, and may end on another day, makes room for it."""
    if held is not None:
        await auth_service.revoke(session, principal=principal, grant_id=held.id)
    return await auth_service.grant(
        session, principal=principal, role=Role.INSTRUCTOR, scope_type=place.scope_type, scope_id=place.id, phone=told.phone,
        account_id=told.account_id, valid_until=clock.day_start(until + timedelta(days=1)),
    )


async def _resolved(session: AsyncSession, told: AssignmentIn) -> UUID | None:
    """The account that is named; None for a phone that nobody has bound."""
    return told.account_id if told.phone is None else await auth_queries.account_by_phone(session, phone=told.phone)


async def _known(session: AsyncSession, told: AssignmentIn) -> UUID:
    """The account of somebody who is written down without a grant, locked. Raises ValidationFailed, NotFound, Conflict."""
    account_id = await _resolved(session, told)
    if account_id is None:
        raise ValidationFailed.of("body", "phone", msg="该手机号还没有登录过小程序，请本人先登录并绑定手机号", kind="unknown_phone")
    account = await auth_queries.lock_account(session, account_id)
    if account.status is not AccountStatus.ACTIVE:
        raise Conflict("该账号已停用或正在注销，不能任职")
    return account_id


async def end_assignment(
    session: AsyncSession, *, principal: Principal, scope_type: ScopeType, place_id: UUID, assignment_id: UUID, until: date | None
) -> Assignment:
    """Ends it with today, or with a day that is past; the grant and everything else that the person may do there end at once.

    Raises NotFound, Forbidden, ValidationFailed for a day to come or before it began, InvalidTransition when it has ended.
    """
    place = await queries.access_administered(session, principal, scope_type, place_id)
    row = await queries.lock_assignment(session, of=place, assignment_id=assignment_id)
    today = clock.today()
    workflow.require_running(row.ended_at)
    row.until = workflow.last_day(row.since, row.until, until, today, latest=today)
    row.ended_at = clock.now()
    session.add(row)
    await session.flush()
    if row.grant_id is not None:
        await auth_service.revoke(session, principal=principal, grant_id=row.grant_id)
    await _record(session, "coverage.end_assignment", place, row)
    return row


async def _record(session: AsyncSession, action: str, place: Place, row: Assignment) -> None:
    audit_service.record(
        session, action, object_kind=place.scope_type.value, object_id=place.id, area_path=place.area_path, assignment_id=str(row.id),
        role=row.role.value, account_id=str(row.account_id) if row.account_id else None, since=row.since.isoformat(),
        until=row.until.isoformat() if row.until else None,
    )
    await session.flush()
