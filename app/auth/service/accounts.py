"""Accounts: made at first sight or by an administrator, bound to a phone, stopped, erased."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries, workflow
from app.auth.models import AccessGrant, Account, AuthSession, OtpFactor
from app.auth.principal import AccountKind, AccountStatus
from app.auth.service import grants, sessions
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, NotFound
from app.idempotency import service as idempotency_service
from app.security import sealing


async def seen(session: AsyncSession, *, openid: str) -> tuple[Account, bool]:
    """The account of a WeChat user, and whether this call made it. Two calls at once make one."""
    known = await queries.by_openid(session, openid=openid)
    if known is not None:
        return known, False
    await sealing.hold(session, openid, purpose="openid")
    first = await queries.by_openid(session, openid=openid)
    if first is not None:
        return first, False
    account_id = new_id()
    made = await session.exec(
        insert(Account)
        .values(
            id=account_id, kind=AccountKind.WECHAT, status=AccountStatus.ACTIVE, version=1,
            openid_index=sealing.blind_index(session, openid, purpose="openid"),
            openid_sealed=sealing.seal(session, openid, table="account", column="openid", row=account_id),
        )
        .on_conflict_do_nothing(index_elements=["openid_index"])
        .returning(Account)
    )
    account: Account | None = made.scalars().first()
    if account is not None:
        audit_service.record(session, "auth.create_account", object_kind="account", object_id=account_id, actor_id=account_id)
        return account, True
    first = await queries.by_openid(session, openid=openid)  # the previous release makes accounts without the lock
    if first is None:
        raise NotFound
    return first, False


async def ensure_account(session: AsyncSession, *, openid: str) -> Account:
    account, _ = await seen(session, openid=openid)
    return account


async def create_console_account(session: AsyncSession, *, username: str, password_hash: str) -> Account:
    """A console account without grants; names are kept in lower case. Raises AlreadyExists."""
    made = await session.exec(
        insert(Account)
        .values(
            id=new_id(), kind=AccountKind.CONSOLE, status=AccountStatus.ACTIVE, version=1, password_hash=password_hash,
            username=workflow.username_form(username),
        )
        .on_conflict_do_nothing(index_elements=["username"])
        .returning(Account)
    )
    account: Account | None = made.scalars().first()
    if account is None:
        raise AlreadyExists("用户名已存在")
    audit_service.record(session, "auth.create_account", object_kind="account", object_id=account.id)
    return account


async def bind_phone(session: AsyncSession, *, account_id: UUID, phone: str) -> None:
    """Binds a number (eleven digits) in place of any other; grants that waited for it become the account's.

    Raises AlreadyExists when it is bound to someone else, NotFound.
    """
    await sealing.hold(session, phone, purpose="phone")
    account = await queries.lock_account(session, account_id)
    owner = await queries.account_by_phone(session, phone=phone)
    if owner is not None and owner != account_id:
        raise AlreadyExists("该手机号已绑定其他账号")
    if owner is None:
        index = sealing.blind_index(session, phone, purpose="phone")
        sealed = sealing.seal(session, phone, table="account", column="phone", row=account_id)
        await session.exec(sa.update(Account).where(col(Account.id) == account_id).values(phone_index=index, phone_sealed=sealed))
        await session.refresh(account)
        audit_service.record(session, "auth.bind_phone", object_kind="account", object_id=account_id)
    await grants.take_over(session, account_id=account_id, phone=phone)


async def set_consented(session: AsyncSession, *, account_id: UUID, purposes: Iterable[str]) -> None:
    """The purposes in force now, all of them; `members` keeps version and time."""
    await session.exec(sa.update(Account).where(col(Account.id) == account_id).values(consented=sorted(set(purposes))))


async def set_status(session: AsyncSession, *, account_id: UUID, status: AccountStatus, erase_on: date | None = None) -> None:
    """Stops an account, lets it go on, or marks it as being cancelled (`erase_on`: the day on which it is erased).

    Every request reads the status, so a suspended account has lost its power with the commit. Raises NotFound.
    """
    account = await queries.lock_account(session, account_id)
    account.status, account.erase_on, account.version = status, erase_on, account.version + 1
    session.add(account)
    await session.flush()
    audit_service.record(session, "auth.set_status", object_kind="account", object_id=account_id, status=status.value)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Cuts the account from its person: openid, phone, name, factor, devices, remembered answers. What it did keeps its bare id."""
    account = await queries.get(session, member_id)
    if account is None or account.status is AccountStatus.ERASED:
        return
    await queries.lock_account(session, member_id)
    await sessions.end_sessions(session, account_id=member_id, reason="erased")
    await session.exec(
        sa.update(AuthSession).where(col(AuthSession.account_id) == member_id).values(device=None, origin=None)
    )
    await session.exec(sa.delete(OtpFactor).where(col(OtpFactor.account_id) == member_id))
    theirs = col(AccessGrant.account_id) == member_id
    await session.exec(
        sa.update(AccessGrant).where(theirs).values(
            phone_masked=None, phone_sealed=None, revoked_at=sa.func.coalesce(col(AccessGrant.revoked_at), queries.CLOCK)
        )
    )
    phone = await queries.phone_of(session, account_id=member_id)
    if phone is not None:
        await grants.forget_waiting(session, phone)
    await idempotency_service.forget(session, member_id=member_id)
    username = f"erased-{member_id}" if account.kind is AccountKind.CONSOLE else None
    await session.exec(
        sa.update(Account).where(col(Account.id) == member_id).values(
            status=AccountStatus.ERASED, openid_index=None, openid_sealed=None, phone_index=None, phone_sealed=None, username=username,
            password_hash=None, consented=[], erase_on=None, version=Account.version + 1,
        )
    )
    await session.refresh(account)
    audit_service.record(session, "auth.forget", object_kind="account", object_id=member_id)
