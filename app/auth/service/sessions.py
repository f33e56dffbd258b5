"""Sessions and their families of refresh tokens: opened, rotated, ended (reliability.md 4.1, 4.2). Lock order: account, session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries_refresh, workflow
from app.auth.errors import RefreshTokenReused
from app.auth.models import Account, AuthSession, RefreshToken
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.auth.queries import CLOCK
from app.auth.queries_refresh import Family, Presented
from app.auth.workflow import LIVES, MAX_SESSIONS, REUSE_REASON, Use
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import AccountSuspended, NotFound, Unauthenticated
from app.figures import SIGN_IN_FAILURES
from app.security import sealing, tokens

DEVICE_LENGTH = 200
ROTATE = Prepared(sa.text("""
with superseded as (
  update refresh_token set state = 'superseded', superseded_at = clock_timestamp() where id = :token_id and state = 'active'
), moved as (
  update auth_session set expires_at = :until, last_used_at = clock_timestamp() where id = :session_id
)
insert into refresh_token (id, session_id, parent_id, hash, state, expires_at)
values (:child_id, :session_id, :token_id, :hash, 'active', :until)
""").bindparams(
    *(sa.bindparam(name, type_=sa.Uuid) for name in ("token_id", "session_id", "child_id")),
    sa.bindparam("hash", type_=sa.LargeBinary), sa.bindparam("until", type_=sa.DateTime(timezone=True)),
))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a signed-in client gets. `created`: the account came into being by this very sign-in."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    account_id: UUID
    kind: AccountKind
    status: AccountStatus
    created: bool
    otp_pending: bool


def origins_of(session: AsyncSession, device: str | None) -> list[bytes]:
    """The keyed fingerprints of the address and the device that speak to us, the one to be written first."""
    return sealing.blind_indexes(session, f"{session.info.get('address')}\n{device}", purpose="origin")


async def open_session(
    session: AsyncSession, *, account: Account, issuer: str, device: str | None, method: str, otp_pending: bool = False,
    created: bool = False,
) -> Tokens:
    """A new session of a locked account, with its first refresh token. At most five are live: the oldest ends.

    Raises AccountSuspended.
    """
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended
    await _make_room(session, account.id)
    idle, session_id, root = LIVES[account.kind].idle, new_id(), tokens.new_refresh()
    await session.exec(
        sa.insert(AuthSession).values(
            id=session_id, account_id=account.id, device=device[:DEVICE_LENGTH] if device else None, origin=origins_of(session, device)[0],
            expires_at=CLOCK + idle, last_used_at=CLOCK, otp_pending=otp_pending,
        )
    )
    await session.exec(
        sa.insert(RefreshToken).values(
            id=new_id(), session_id=session_id, hash=tokens.refresh_hash(root), state="active", expires_at=CLOCK + idle
        )
    )
    audit_service.record(session, "auth.sign_in", object_kind="session", object_id=session_id, actor_id=account.id, method=method)
    access = tokens.issue(sealing.ring(session).secret, issuer=issuer, account_id=account.id, session_id=session_id)
    return Tokens(access, root, account.id, account.kind, account.status, created, otp_pending)


async def _make_room(session: AsyncSession, account_id: UUID) -> None:
    kept = (
        sa.select(col(AuthSession.id))
        .where(col(AuthSession.account_id) == account_id, col(AuthSession.ended_at).is_(None), col(AuthSession.expires_at) > CLOCK)
        .order_by(col(AuthSession.id).desc())
        .offset(MAX_SESSIONS - 1)
    )
    await _end(session, col(AuthSession.id).in_(kept.scalar_subquery()), reason="displaced")


async def refresh(session: AsyncSession, *, token: str, issuer: str) -> Tokens:
    """The next pair for a refresh token. Uses of one family wait for each other, so two at once get the same child.

    Raises:
        Unauthenticated: unknown, too old, or its session has ended.
        RefreshTokenReused: a use that only a thief or a broken client makes; the whole family ends.
        AccountSuspended
    """
    token_hash = tokens.refresh_hash(token)
    family = await queries_refresh.lock_family(session, token_hash=token_hash)
    if family is None:
        raise Unauthenticated
    shown = await queries_refresh.presented(session, token_hash=token_hash, family=family)
    use = judge(family, shown)
    if use is Use.REUSED:
        raise RefreshTokenReused().then(_end_family(family.id, family.account_id))
    if use is Use.DEAD:
        raise Unauthenticated
    if shown.status is AccountStatus.SUSPENDED:
        raise AccountSuspended
    following = await _rotate(session, token, family, shown) if use is Use.ROTATE else _again(session, token, shown)
    access = tokens.issue(sealing.ring(session).secret, issuer=issuer, account_id=family.account_id, session_id=family.id)
    return Tokens(access, following, family.account_id, shown.kind, shown.status, False, family.otp_pending)


def judge(family: Family, shown: Presented) -> Use:
    return workflow.judge_refresh(
        session_live=family.ended_at is None and family.expires_at > shown.now, end_reason=family.end_reason, state=shown.state,
        expired=shown.expires_at <= shown.now, child_state=shown.child_state,
        in_grace=shown.superseded_at is not None and shown.now - shown.superseded_at <= workflow.GRACE,
    )


async def _rotate(session: AsyncSession, token: str, family: Family, shown: Presented) -> str:
    """Supersedes the token, writes its child, moves the idle limit."""
    child_id, life = new_id(), LIVES[shown.kind]
    following = tokens.successor(sealing.ring(session).secret, token, child_id)
    await ROTATE.all(
        session, token_id=shown.id, session_id=family.id, child_id=child_id, hash=tokens.refresh_hash(following),
        until=min(shown.now + life.idle, family.created_at + life.whole),
    )
    return following


def _again(session: AsyncSession, token: str, shown: Presented) -> str:
    """The child that a lost answer carried. Raises Unauthenticated when the key that made it is gone."""
    assert shown.child_id is not None and shown.child_hash is not None
    following = tokens.successor_again(sealing.ring(session).secret, token, shown.child_id, shown.child_hash)
    if following is None:
        raise Unauthenticated
    return following


def _end_family(session_id: UUID, account_id: UUID) -> Callable[[AsyncSession], Awaitable[None]]:
    async def step(session: AsyncSession) -> None:
        if await _end(session, col(AuthSession.id) == session_id, reason=REUSE_REASON):
            SIGN_IN_FAILURES.labels("refresh_reuse").inc()
            audit_service.record(
                session, "auth.refresh_reuse", object_kind="session", object_id=session_id, actor_id=account_id, outcome="denied",
                reason=RefreshTokenReused.code,
            )

    return step


async def end_session(session: AsyncSession, *, principal: Principal, session_id: UUID) -> None:
    """Ends one of the caller's own live sessions. Raises NotFound."""
    mine = sa.and_(col(AuthSession.id) == session_id, col(AuthSession.account_id) == principal.account_id)
    if not await _end(session, sa.and_(mine, col(AuthSession.expires_at) > CLOCK), reason="ended"):
        raise NotFound
    audit_service.record(session, "auth.end_session", object_kind="session", object_id=session_id)


async def log_out(session: AsyncSession, *, principal: Principal) -> None:
    """Ends the caller's session; its access token and refresh tokens are dead at the commit, inside the grace too."""
    await _end(session, col(AuthSession.id) == principal.session_id, reason="logout")
    audit_service.record(session, "auth.log_out", object_kind="session", object_id=principal.session_id)


async def end_sessions(session: AsyncSession, *, account_id: UUID, reason: str, except_session: UUID | None = None) -> None:
    """Ends every live session of an account, or all but one. `reason` is a code of at most 32 characters."""
    theirs = col(AuthSession.account_id) == account_id
    which = theirs if except_session is None else sa.and_(theirs, col(AuthSession.id) != except_session)
    ended = await _end(session, which, reason=reason)
    audit_service.record(session, "auth.end_sessions", object_kind="account", object_id=account_id, reason=reason, ended=len(ended))


async def _end(session: AsyncSession, which: sa.ColumnElement[bool], *, reason: str) -> list[UUID]:
    """Ends the live ones among these sessions and revokes their newest tokens; returns who ended. Rows are taken in the order of ids."""
    living = sa.select(col(AuthSession.id)).where(which, col(AuthSession.ended_at).is_(None)).order_by(col(AuthSession.id))
    found = await session.exec(living.with_for_update())
    ids = list(found.scalars().all())
    if ids:
        await session.exec(sa.update(AuthSession).where(col(AuthSession.id).in_(ids)).values(ended_at=CLOCK, end_reason=reason))
        await session.exec(
            sa.update(RefreshToken)
            .where(col(RefreshToken.session_id).in_(ids), col(RefreshToken.state) == "active")
            .values(state="revoked")
        )
    return ids
