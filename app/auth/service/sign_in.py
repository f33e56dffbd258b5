"""Signing in by WeChat and by password, and stepping up. A password is weighed after the reading and before the writing: no connection
is held meanwhile."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries, workflow
from app.auth.errors import BadCredentials
from app.auth.models import Account, AuthSession
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.auth.queries import CLOCK
from app.auth.service import accounts, factors, guesses, sessions
from app.auth.service.guesses import Counters
from app.auth.service.sessions import Tokens
from app.auth.workflow import STEP_UP
from app.db.session import AsyncSession
from app.errors import AccountSuspended, NotFound, ValidationFailed
from app.security import passwords, sealing
from app.wechat.errors import WeChatCodeInvalid


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password that has been weighed. `password_hash` is what it was weighed against: a password changed since does not count."""

    counters: Counters
    account_id: UUID | None
    password_hash: str | None = field(repr=False)
    right: bool


async def sign_in_by_wechat(session: AsyncSession, *, openid: str, issuer: str, device: str | None) -> Tokens:
    """The account of this WeChat user, made at first sight, and a new session. Raises AccountSuspended."""
    seen, created = await accounts.seen(session, openid=openid)
    account = await queries.lock_account(session, seen.id)
    return await sessions.open_session(session, account=account, issuer=issuer, device=device, method="wechat", created=created)


async def weigh(reader: AsyncSession, *, username: str, password: str, device: str | None) -> Attempt:
    """Compares a password with the account's, or with a dummy; gives the reader's connection back before the work begins.

    Raises TooManyAttempts while the account, the address or everybody is stopped; RateLimited when too many wait.
    """
    name = workflow.username_form(username)
    account = await queries.by_username(reader, username=name)
    origins = sessions.origins_of(reader, device)
    known = await queries.known_origin(reader, account_id=account.id if account else queries.NOBODY, origins=origins)
    keys = guesses.counters(
        names=sealing.blind_indexes(reader, name, purpose="username"), devices=origins if known else None,
        addresses=sealing.blind_indexes(reader, str(reader.info.get("address")), purpose="address"),
    )
    await guesses.refuse_password_if_stopped(reader, keys)
    account_id, kept = (account.id, account.password_hash) if account else (None, None)
    await reader.close()
    return Attempt(keys, account_id, kept, await passwords.matches(password, kept))


async def weigh_own(reader: AsyncSession, *, principal: Principal, password: str, device: str | None) -> Attempt:
    """The same for the caller's own password. Raises ValidationFailed for a WeChat account, which has none."""
    account = await queries.get(reader, principal.account_id)
    if account is None or account.username is None:
        raise ValidationFailed.of("body", "password", msg="该账号没有密码，请使用微信验证", kind="no_password")
    return await weigh(reader, username=account.username, password=password, device=device)


async def sign_in_by_password(
    session: AsyncSession, *, attempt: Attempt, otp: str | None, issuer: str, device: str | None, factor_wanted: bool
) -> Tokens:
    """A new session for a weighed password and, where one is enrolled, a second factor.

    `factor_wanted`: an account without a factor gets a session that can only enrol one. Raises BadCredentials, OtpRequired,
    TooManyAttempts, AccountSuspended.
    """
    account, has_factor = await _accept(session, attempt, otp=otp)
    pending = factor_wanted and not has_factor
    return await sessions.open_session(session, account=account, issuer=issuer, device=device, method="password", otp_pending=pending)


async def step_up_by_password(session: AsyncSession, *, principal: Principal, attempt: Attempt, otp: str | None) -> datetime:
    """Lets the caller's session do for five minutes what asks for it; returns the end. Raises as `sign_in_by_password`."""
    await _accept(session, attempt, otp=otp)
    return await _step_up(session, principal, method="password")


async def step_up_by_wechat(session: AsyncSession, *, principal: Principal, openid: str) -> datetime:
    """The same for a WeChat account, by a fresh code of the same WeChat user. Raises WeChatCodeInvalid for another one's."""
    if principal.kind is not AccountKind.WECHAT:
        raise ValidationFailed.of("body", "code", msg="管理账号请使用密码验证", kind="no_wechat")
    account = await queries.by_openid(session, openid=openid)
    if account is None or account.id != principal.account_id:
        raise WeChatCodeInvalid
    return await _step_up(session, principal, method="wechat")


async def _accept(session: AsyncSession, attempt: Attempt, *, otp: str | None) -> tuple[Account, bool]:
    """The account, locked, and whether it has a second factor, which then has been used."""
    if not attempt.right or attempt.account_id is None:
        raise BadCredentials().then(guesses.wrong_password(attempt.counters, attempt.account_id))
    await guesses.hold_password(session, attempt.counters)
    await guesses.refuse_password_if_stopped(session, attempt.counters)
    await guesses.hold_factor(session, attempt.account_id)
    account = await queries.lock_account(session, attempt.account_id)
    if account.password_hash != attempt.password_hash:
        raise BadCredentials
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended
    has_factor = await factors.use(session, account_id=account.id, otp=otp)
    await guesses.forgive(session, attempt.counters)
    return account, has_factor


async def _step_up(session: AsyncSession, principal: Principal, *, method: str) -> datetime:
    done = await session.exec(
        sa.update(AuthSession)
        .where(col(AuthSession.id) == principal.session_id, col(AuthSession.ended_at).is_(None))
        .values(stepped_up_until=CLOCK + STEP_UP)
        .returning(col(AuthSession.stepped_up_until))
    )
    until: datetime | None = done.scalars().first()
    if until is None:
        raise NotFound
    audit_service.record(session, "auth.step_up", object_kind="session", object_id=principal.session_id, method=method)
    return until
