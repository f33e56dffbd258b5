"""Grants and the scopes they name. Lock order: phone, scope, account, grant."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth import queries, queries_grants, workflow
from app.auth.models import AccessGrant, Scope
from app.auth.principal import AccountStatus, Principal
from app.auth.queries import CLOCK
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, AppError, Conflict, Forbidden, NotFound, ValidationFailed
from app.security import sealing

EXISTS = "该授权已存在"
SEPARATED = "同一账号不能同时承担管理与审计职责"


async def put_scope(session: AsyncSession, *, scope_type: ScopeType, scope_id: UUID, area_path: str, name: str) -> None:
    """Says where a thing that grants can name lies; again whenever it is renamed or moved. Grants on it follow at once."""
    placed = {"area_path": area_path, "name": name}
    await session.exec(
        insert(Scope)
        .values(scope_type=scope_type, scope_id=scope_id, **placed)
        .on_conflict_do_update(index_elements=["scope_type", "scope_id"], set_=placed)
    )


async def grant(
    session: AsyncSession, *, principal: Principal, role: Role, scope_type: ScopeType, scope_id: UUID, phone: str | None = None,
    account_id: UUID | None = None, valid_until: datetime | None = None,
) -> AccessGrant:
    """Gives a role on a thing to an account, or to whoever has bound a number or will bind it. Exactly one of the two is given.

    Raises:
        ValidationFailed: role and scope do not fit; the end is over or more than a year away.
        NotFound: the thing lies outside every grant of the caller; the account is unknown or erased.
        Forbidden: the caller may not give this role there, or would give it to oneself.
        Conflict: administration and audit in one hand; the account is not active.
        AlreadyExists: the same grant is in force.
    """
    workflow.require_fit(role, scope_type)
    until = workflow.term(valid_until, now=clock.now())
    if (phone is None) == (account_id is None):
        raise ValidationFailed.of("body", "phone", msg="手机号与账号只能填写一个", kind="one_subject")
    place = await queries_grants.scope(session, scope_type=scope_type, scope_id=scope_id)
    if place is None or not workflow.sees_scope(principal, scope_type=scope_type, scope_id=scope_id, area_path=place.area_path):
        raise _refused(NotFound(), "auth.grant", scope_type, scope_id)
    if not workflow.may_grant(principal, role, scope_type=scope_type, scope_id=scope_id, area_path=place.area_path):
        raise Forbidden
    if phone is not None:  # who grants to a number and who binds it wait for each other: otherwise a grant could wait for ever
        await sealing.hold(session, phone, purpose="phone")
        account_id = await queries.account_by_phone(session, phone=phone)
    if account_id == principal.account_id:
        raise Forbidden("不能给自己授权")
    made = await _write(
        session, account_id=account_id, phone=phone, role=role, scope_type=scope_type, scope_id=scope_id, valid_until=until,
        granted_by=principal.account_id,
    )
    _record(session, "auth.grant", made, place.area_path)
    return made


async def appoint(
    session: AsyncSession, *, account_id: UUID, role: Role, scope_type: ScopeType, scope_id: UUID | None,
    valid_until: datetime | None = None,
) -> AccessGrant:
    """A grant that no account gives: the first platform administrator, the demo's staff. Raises as `grant`, without asking who may."""
    workflow.require_fit(role, scope_type)
    made = await _write(
        session, account_id=account_id, phone=None, role=role, scope_type=scope_type, scope_id=scope_id,
        valid_until=workflow.term(valid_until, now=clock.now()), granted_by=None,
    )
    _record(session, "auth.grant", made, None)
    return made


async def _write(
    session: AsyncSession, *, account_id: UUID | None, phone: str | None, role: Role, scope_type: ScopeType, scope_id: UUID | None,
    valid_until: datetime, granted_by: UUID | None,
) -> AccessGrant:
    """Writes the grant under the lock of its account, or of its phone, which the caller holds."""
    await acting.as_service(session, Reason.GRANT)
    indexes = sealing.blind_indexes(session, phone, purpose="phone") if phone else []
    if account_id is not None:
        account = await queries.lock_account(session, account_id)
        if account.status is not AccountStatus.ACTIVE:
            raise Conflict("该账号已停用或正在注销，不能授权")
    held = await queries_grants.roles_of(session, account_id=account_id, phone_indexes=indexes)
    if not workflow.apart(held | {role}):
        raise _refused(Conflict(SEPARATED), "auth.grant", scope_type, scope_id)
    await _make_room(session, queries_grants.subject(account_id, indexes), role, scope_type, scope_id)
    if account_id is None and await queries_grants.waits(
        session, phone_indexes=indexes, role=role, scope_type=scope_type, scope_id=scope_id
    ):
        raise AlreadyExists(EXISTS)
    grant_id = new_id()
    made = await session.exec(
        insert(AccessGrant)
        .values(
            id=grant_id, account_id=account_id, role=role, scope_type=scope_type, scope_id=scope_id, valid_until=valid_until,
            granted_by=granted_by, **_phone(session, grant_id, phone, waiting=account_id is None),
        )
        .on_conflict_do_nothing()
        .returning(AccessGrant)
    )
    written: AccessGrant | None = made.scalars().first()
    if written is None:
        raise AlreadyExists(EXISTS)
    return written


async def _make_room(
    session: AsyncSession, subject: sa.ColumnElement[bool], role: Role, scope_type: ScopeType, scope_id: UUID | None
) -> None:
    """One that has run out is over when the same is given again."""
    await session.exec(
        sa.update(AccessGrant)
        .where(
            subject, col(AccessGrant.role) == role, col(AccessGrant.scope_type) == scope_type,
            col(AccessGrant.scope_id).is_not_distinct_from(scope_id), col(AccessGrant.revoked_at).is_(None),
            col(AccessGrant.valid_until) <= CLOCK,
        )
        .values(revoked_at=CLOCK)
    )


def _phone(session: AsyncSession, grant_id: UUID, phone: str | None, *, waiting: bool) -> dict[str, Any]:
    """What a grant keeps of the number it was given to; index and number only as long as it waits."""
    if phone is None:
        return {}
    kept: dict[str, Any] = {"phone_masked": workflow.mask_phone(phone)}
    if waiting:
        kept["phone_index"] = sealing.blind_index(session, phone, purpose="phone")
        kept["phone_sealed"] = sealing.seal(session, phone, table="access_grant", column="phone", row=grant_id)
    return kept


async def revoke(session: AsyncSession, *, principal: Principal, grant_id: UUID) -> None:
    """Takes a grant away: its power ends with the commit. One that is gone already stays so, without another event.

    Raises NotFound outside the caller's scope, Forbidden, Conflict for the last administrator of a county.
    """
    seen = await _seen(session, grant_id)
    place = None
    if seen.scope_id is not None:
        place = await queries_grants.scope(session, scope_type=seen.scope_type, scope_id=seen.scope_id, lock=seen.role is Role.AREA_ADMIN)
    path = place.area_path if place else None
    if not workflow.may_grant(principal, seen.role, scope_type=seen.scope_type, scope_id=seen.scope_id, area_path=path):
        raise Forbidden if _sees(principal, seen, path) else _refused(NotFound(), "auth.revoke", seen.scope_type, seen.scope_id)
    if seen.account_id == principal.account_id:
        raise Forbidden("不能撤销自己的授权")
    found = await queries_grants.grant(session, grant_id, lock=True)
    if found.revoked_at is not None:
        return
    if await _is_last_admin(session, found, path):
        raise _refused(Conflict("这是该区县最后一位管理员，不能撤销"), "auth.revoke", found.scope_type, found.scope_id)
    found.revoked_at, found.revoked_by = await _database_now(session), principal.account_id
    session.add(found)
    await session.flush()
    _record(session, "auth.revoke", found, path)


async def _seen(session: AsyncSession, grant_id: UUID) -> AccessGrant:
    """Raises NotFound, which leaves an event where there is such a grant."""
    try:
        return await queries_grants.grant(session, grant_id)
    except NotFound as error:
        known = await queries_grants.scope_of(session, grant_id=grant_id)
        raise error if known is None else _refused(error, "auth.revoke", *known) from None


def _sees(principal: Principal, row: AccessGrant, area_path: str | None) -> bool:
    if principal.account_id in (row.account_id, row.granted_by):
        return True
    if row.scope_id is None or area_path is None:
        return principal.has(Role.PLATFORM_ADMIN)
    return workflow.sees_scope(principal, scope_type=row.scope_type, scope_id=row.scope_id, area_path=area_path)


async def _is_last_admin(session: AsyncSession, row: AccessGrant, area_path: str | None) -> bool:
    """The scope is locked, so two revocations at once cannot both leave the other one."""
    if row.role is not Role.AREA_ADMIN or row.account_id is None or area_path is None or not workflow.is_tenant(area_path):
        return False
    assert row.scope_id is not None
    return row.valid_until > clock.now() and not await queries_grants.other_admins(session, scope_id=row.scope_id, but=row.id)


async def take_over(session: AsyncSession, *, account_id: UUID, phone: str) -> None:
    """The grants that waited for a number become the account's; the caller holds the number and has locked the account.

    Put away are those that the account itself had given (nobody grants to oneself), those it has already, and those that would join
    administration with audit.
    """
    await acting.as_service(session, Reason.GRANT)
    held = await queries.grants_of(session, account_id=account_id)
    have = {(one.role, one.scope_type, one.scope_id) for one in held}
    indexes = sealing.blind_indexes(session, phone, purpose="phone")
    for waiting in await queries_grants.waiting(session, phone_indexes=indexes):
        key = (waiting.role, waiting.scope_type, waiting.scope_id)
        fits = key not in have and waiting.granted_by != account_id and workflow.apart({one[0] for one in have} | {waiting.role})
        waiting.phone_index, waiting.phone_sealed, waiting.account_id = None, None, account_id
        if fits:
            have.add(key)
        else:
            waiting.revoked_at = await _database_now(session)
        session.add(waiting)
        await session.flush()
        _record(session, "auth.grant_bound" if fits else "auth.grant_dropped", waiting, None)


async def forget_waiting(session: AsyncSession, phone: str) -> None:
    """Deletes what was granted to a number and came to nothing, of a person who is erased: such a row holds nothing but the number."""
    await session.exec(
        sa.delete(AccessGrant).where(col(AccessGrant.phone_index).in_(sealing.blind_indexes(session, phone, purpose="phone")))
    )


async def _database_now(session: AsyncSession) -> datetime:
    found = await session.exec(sa.select(CLOCK))
    now: datetime = found.scalar_one()
    return now


def _record(session: AsyncSession, action: str, row: AccessGrant, area_path: str | None) -> None:
    audit_service.record(
        session, action, object_kind="grant", object_id=row.id, area_path=area_path, role=row.role.value,
        scope_type=row.scope_type.value, scope_id=str(row.scope_id) if row.scope_id else None,
        account_id=str(row.account_id) if row.account_id else None,
    )


def _refused(error: AppError, action: str, scope_type: ScopeType, scope_id: UUID | None) -> AppError:
    """Leaves an event of an attempt to climb; a Forbidden leaves one by itself."""
    return error.then(_denial(action, scope_type, scope_id, error.code))


def _denial(action: str, scope_type: ScopeType, scope_id: UUID | None, code: str) -> Callable[[AsyncSession], Awaitable[None]]:
    async def step(session: AsyncSession) -> None:
        audit_service.record(
            session, action, object_kind=scope_type.value, object_id=scope_id, outcome="denied", reason=code
        )

    return step
