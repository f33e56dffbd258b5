"""Second factors: enrolled, confirmed, used. No code works twice: the last accepted step is kept, a recovery code is burned."""

import hmac
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries
from app.auth.errors import BadCredentials, OtpRequired
from app.auth.models import AuthSession, OtpFactor
from app.auth.principal import AccountKind, Principal
from app.auth.service import guesses, sessions
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, Forbidden, NotFound
from app.security import otp as totp
from app.security import sealing

ISSUER = "新新向党"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Shown once."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    recovery_codes: list[str] = field(repr=False)


async def enrol_factor(session: AsyncSession, *, principal: Principal) -> Enrolment:
    """A new secret and new recovery codes, which count once `confirm_factor` has seen a code of them.

    Raises Forbidden for a WeChat account, AlreadyExists when a factor is in force.
    """
    if principal.kind is not AccountKind.CONSOLE:
        raise Forbidden("只有管理账号使用动态验证码")
    account = await queries.lock_account(session, principal.account_id)
    secret, codes = totp.new_secret(), totp.new_recovery_codes()
    fresh = {
        "secret_sealed": sealing.seal(session, secret, table="otp_factor", column="secret", row=account.id), "last_step": 0,
        "recovery_hashes": [totp.recovery_hash(account.id, totp.normalise(code)) for code in codes],
    }
    made = await session.exec(
        insert(OtpFactor)
        .values(account_id=account.id, **fresh)
        .on_conflict_do_update(index_elements=["account_id"], set_=fresh, where=col(OtpFactor.confirmed_at).is_(None))
        .returning(col(OtpFactor.account_id))
    )
    if made.first() is None:
        raise AlreadyExists("动态验证码已绑定")
    audit_service.record(session, "auth.enrol_factor", object_kind="account", object_id=account.id)
    return Enrolment(totp.text_of(secret), totp.uri(secret, issuer=ISSUER, account=account.username or ""), codes)


async def confirm_factor(session: AsyncSession, *, principal: Principal, otp: str) -> None:
    """Puts the enrolled factor in force by a first code of it. The account's other sessions, opened without it, end.

    Raises Conflict when nothing was enrolled, AlreadyExists when it is in force already, BadCredentials, TooManyAttempts.
    """
    await guesses.hold_factor(session, principal.account_id)
    await guesses.refuse_factor_if_stopped(session, principal.account_id)
    await queries.lock_account(session, principal.account_id)
    factor, at = await queries.lock_factor(session, principal.account_id)
    if factor is None:
        raise Conflict("请先申请绑定动态验证码")
    if factor.confirmed_at is not None:
        raise AlreadyExists("动态验证码已绑定")
    step = totp.step_of(_secret(session, factor), totp.normalise(otp), at=at, last_step=factor.last_step)
    if step is None:
        raise BadCredentials().then(guesses.wrong_factor(principal.account_id))
    await session.exec(
        sa.update(OtpFactor).where(col(OtpFactor.account_id) == factor.account_id).values(confirmed_at=queries.CLOCK, last_step=step)
    )
    await session.exec(sa.update(AuthSession).where(col(AuthSession.id) == principal.session_id).values(otp_pending=False))
    await sessions.end_sessions(session, account_id=principal.account_id, reason="factor_added", except_session=principal.session_id)
    audit_service.record(session, "auth.confirm_factor", object_kind="account", object_id=principal.account_id)


async def use(session: AsyncSession, *, account_id: UUID, otp: str | None) -> bool:
    """False when the account has no factor in force; True when it has and `otp` was right, which is used up by this.

    The caller holds the factor's counter. Raises OtpRequired, BadCredentials, TooManyAttempts.
    """
    factor, at = await queries.lock_factor(session, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    if otp is None:
        raise OtpRequired
    await guesses.refuse_factor_if_stopped(session, account_id)
    typed = totp.normalise(otp)
    step = totp.step_of(_secret(session, factor), typed, at=at, last_step=factor.last_step)
    if step is not None:
        await session.exec(sa.update(OtpFactor).where(col(OtpFactor.account_id) == account_id).values(last_step=step))
    elif not await _burn(session, factor, typed):
        raise BadCredentials().then(guesses.wrong_factor(account_id))
    return True


async def reset_factor(session: AsyncSession, *, account_id: UUID) -> None:
    """Takes a lost factor away from somebody who was identified otherwise: every session ends, and another can be enrolled.

    Raises NotFound for an account without one.
    """
    await guesses.hold_factor(session, account_id)
    await queries.lock_account(session, account_id)
    gone = await session.exec(sa.delete(OtpFactor).where(col(OtpFactor.account_id) == account_id))
    if not gone.rowcount:
        raise NotFound
    await guesses.forgive_factor(session, account_id)
    await sessions.end_sessions(session, account_id=account_id, reason="factor_reset")
    audit_service.record(session, "auth.reset_factor", object_kind="account", object_id=account_id)


async def _burn(session: AsyncSession, factor: OtpFactor, typed: str) -> bool:
    """Uses up a recovery code. The factor is locked. Codes of the first release were hashed under a field key, and are found by all."""
    if not totp.is_recovery_code(typed):
        return False
    given = [totp.recovery_hash(factor.account_id, typed), *sealing.blind_indexes(session, typed, purpose="recovery-code")]
    rest = [kept for kept in factor.recovery_hashes if not any(hmac.compare_digest(kept, one) for one in given)]
    if len(rest) == len(factor.recovery_hashes):
        return False
    await session.exec(sa.update(OtpFactor).where(col(OtpFactor.account_id) == factor.account_id).values(recovery_hashes=rest))
    audit_service.record(
        session, "auth.use_recovery_code", object_kind="account", object_id=factor.account_id, actor_id=factor.account_id, left=len(rest)
    )
    return True


def _secret(session: AsyncSession, factor: OtpFactor) -> bytes:
    return sealing.unseal_bytes(session, factor.secret_sealed, table="otp_factor", column="secret", row=factor.account_id)

