"""Reading who somebody is: the principal in one statement, accounts, sessions, factors. Grants: `queries_grants`, offered here too."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.auth.models import AccessGrant, Account, AuthSession, OtpFactor
from app.auth.principal import AccountKind, AccountStatus, Grant, Principal, acting_for
from app.auth.queries_grants import (
    as_grant,
    covering,
    granted_to,
    grants_of,
    grants_within,
    held,
    holding,
    holds,
    holds_office,
    lately_ended,
    named_of,
    people_at,
    platform_admins,
    read_named,
    scope,
    staff_of,
    waits_for,
)
from app.auth.roles import Role, ScopeType
from app.auth.workflow import mask_phone
from app.db import acting
from app.db.acting import Acting, Reason
from app.db.base import known_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import AccountSuspended, NotFound, Unauthenticated
from app.idempotency import service as idempotency_service
from app.security import sealing
from app.security.tokens import Claims

__all__ = [
    "CLOCK", "NOBODY", "Caller", "account_by_phone", "by_openid", "by_username", "consenting", "covering", "export", "get", "granted_to",
    "grants_of", "grants_within", "held", "holding", "holds", "holds_office", "known_origin", "lately_ended", "load_caller", "lock_account",
    "lock_factor", "lock_to_erase", "masked", "masked_phone", "masked_phones", "named", "named_of", "openid_of", "people_at", "phone_of",
    "platform_admins", "principal_of", "read_named", "scope", "sessions", "staff_of", "to_erase", "waits_for",
]

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
NOBODY = UUID(int=0)
TODAY: sa.ColumnElement[date] = sa.cast(sa.func.timezone("Asia/Shanghai", CLOCK), sa.Date)
DUE = (col(Account.status) == AccountStatus.CANCELLING, col(Account.erase_on) <= TODAY)

# One round trip answers all that a request needs before its own work: the session, the account, the grants in force, and the
# answer that this caller's Idempotency-Key already has. The function (migration 0051) tells row security, too, who asks from now on.
CALLER = Prepared(
    sa.text("select * from signed_in(:session_id, :account_id, :key, :enter, :lasting)").bindparams(
        sa.bindparam("key", type_=sa.Text), sa.bindparam("session_id", type_=sa.Uuid), sa.bindparam("account_id", type_=sa.Uuid)
    )
)


@dataclass(frozen=True, slots=True)
class Named:
    """What others may be shown of an account: the number masked, or in full to whose duty it is."""

    status: AccountStatus
    phone_sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    principal: Principal
    acting: Acting
    answer: idempotency_service.Answer | None


async def load_caller(session: AsyncSession, claims: Claims, *, key: str | None) -> Caller:
    """The principal as the database has it at this moment, and the answer remembered under `key`.

    Raises:
        Unauthenticated: the session has ended, whatever the token says.
        AccountSuspended
    """
    known = (await session.line()).known
    enter, lasting = session.info.get(acting.INFO) == acting.LATER, bool(session.info.get(acting.LASTING))
    if enter and lasting:
        known[acting.INFO] = acting.LATER
    row = await CALLER.first(
        session, session_id=claims.session_id, account_id=claims.account_id, key=key, enter=enter, lasting=lasting
    )
    if row is None or row["status"] == AccountStatus.ERASED:
        raise Unauthenticated
    if row["status"] == AccountStatus.SUSPENDED:
        raise AccountSuspended
    principal = Principal(
        account_id=claims.account_id, session_id=claims.session_id, kind=AccountKind(row["kind"]), status=AccountStatus(row["status"]),
        grants=tuple(_grant(*columns) for columns in row["grants"] or ()), consented=frozenset(row["consented"]),
        has_phone=row["has_phone"], stepped_up=row["stepped_up"], otp_pending=row["otp_pending"],
    )
    told = acting_for(principal)
    if enter:
        session.info[acting.INFO] = told
        if lasting:
            known[acting.INFO] = told
    if row["row_id"] is None:
        return Caller(principal, told, None)
    answer = idempotency_service.opened(
        session, row["row_id"], row["fingerprint"], row["answer_status"], row["media_type"], row["body"]
    )
    return Caller(principal, told, answer)


def _grant(grant_id: str, role: str, scope_type: str, scope_id: str | None, area_path: str | None) -> Grant:
    return Grant(known_id(grant_id), Role(role), ScopeType(scope_type), known_id(scope_id) if scope_id else None, area_path)


async def principal_of(session: AsyncSession, *, account_id: UUID) -> Principal:
    """Grants and consents in force without a session, for jobs, demo, tests, and what goes on in somebody's name. Raises NotFound."""
    await acting.work_on(session, account_id, Reason.RIGHTS)
    account = await get(session, account_id)
    if account is None or account.status is AccountStatus.ERASED:
        raise NotFound
    return Principal(
        account_id=account.id, session_id=NOBODY, kind=account.kind, status=account.status,
        grants=tuple(await grants_of(session, account_id=account_id)), consented=frozenset(account.consented),
        has_phone=account.phone_index is not None, stepped_up=False,
    )


async def get(session: AsyncSession, account_id: UUID) -> Account | None:
    found = await session.exec(sa.select(Account).where(col(Account.id) == account_id).execution_options(populate_existing=True))
    account: Account | None = found.scalars().first()
    return account


async def lock_account(session: AsyncSession, account_id: UUID) -> Account:
    """The row, locked and fresh. Before rows of its sessions, factor and grants. Raises NotFound, for an erased account too."""
    await acting.work_on(session, account_id, Reason.RIGHTS)
    found = await session.exec(
        sa.select(Account)
        .where(col(Account.id) == account_id, col(Account.status) != AccountStatus.ERASED)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    account: Account | None = found.scalars().first()
    if account is None:
        raise NotFound
    return account


async def by_username(session: AsyncSession, *, username: str) -> Account | None:
    found = await session.exec(sa.select(Account).where(col(Account.username) == username))
    account: Account | None = found.scalars().first()
    return account


async def by_openid(session: AsyncSession, *, openid: str) -> Account | None:
    found = await session.exec(
        sa.select(Account).where(col(Account.openid_index).in_(sealing.blind_indexes(session, openid, purpose="openid")))
    )
    account: Account | None = found.scalars().first()
    return account


async def account_by_phone(session: AsyncSession, *, phone: str) -> UUID | None:
    """The account that has bound this number."""
    indexes = sa.cast(sealing.blind_indexes(session, phone, purpose="phone"), ARRAY(sa.LargeBinary))
    found = await session.exec(sa.select(sa.func.account_of_phone(indexes, type_=sa.Uuid)))
    account_id: UUID | None = found.scalar_one()
    return account_id


async def named(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Named]:
    """What is shown of these accounts beside a thing that the caller sees, and whether they are alive."""
    if not ids:
        return {}
    columns = (sa.column("id", sa.Uuid), sa.column("status", sa.Text), sa.column("phone_sealed", sa.LargeBinary))
    accounts = sa.func.accounts_named(sa.cast(sorted(set(ids)), ARRAY(sa.Uuid))).table_valued(*columns).render_derived()
    found = await session.exec(sa.select(accounts.c.id, accounts.c.status, accounts.c.phone_sealed))
    return {one: Named(AccountStatus(status), phone) for one, status, phone in found.all()}


async def phone_of(session: AsyncSession, *, account_id: UUID) -> str | None:
    """The full number: only for those whose duty it is, and audited by the caller."""
    account = (await named(session, [account_id])).get(account_id)
    if account is None or account.phone_sealed is None:
        return None
    return sealing.unseal(session, account.phone_sealed, table="account", column="phone", row=account_id)


async def masked_phone(session: AsyncSession, *, account_id: UUID) -> str | None:
    phone = await phone_of(session, account_id=account_id)
    return None if phone is None else mask_phone(phone)


def masked(session: AsyncSession, sealed: bytes | None, *, account_id: UUID) -> str | None:
    """The same of a row at hand."""
    return None if sealed is None else mask_phone(sealing.unseal(session, sealed, table="account", column="phone", row=account_id))


async def masked_phones(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """The same for many, in one statement; who has bound none is left out."""
    bound = {one: account.phone_sealed for one, account in (await named(session, ids)).items() if account.phone_sealed is not None}
    return {one: mask_phone(sealing.unseal(session, phone, table="account", column="phone", row=one)) for one, phone in bound.items()}


async def consenting(session: AsyncSession, *, purpose: str, among: Collection[UUID] | None = None) -> list[UUID]:
    """The accounts whose consent to a purpose is in force, all of them or those of a list; by id."""
    statement = sa.select(col(Account.id)).where(col(Account.consented).contains([purpose])).order_by(col(Account.id))
    found = await session.exec(statement if among is None else statement.where(col(Account.id).in_(set(among))))
    return list(found.scalars().all())


async def to_erase(session: AsyncSession) -> Sequence[UUID]:
    """The accounts whose day of erasure has come, the longest overdue first."""
    found = await session.exec(sa.select(col(Account.id)).where(*DUE).order_by(col(Account.erase_on), col(Account.id)))
    return found.scalars().all()


async def lock_to_erase(session: AsyncSession, account_id: UUID) -> Account | None:
    """The account, locked, if it is still to be erased: a restore at the same moment waits, or was first."""
    found = await session.exec(
        sa.select(Account)
        .where(col(Account.id) == account_id, *DUE)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    account: Account | None = found.scalars().first()
    return account


async def openid_of(session: AsyncSession, *, account_id: UUID) -> str | None:
    """For calls to WeChat; it is never shown."""
    account = await get(session, account_id)
    if account is None or account.openid_sealed is None:
        return None
    return sealing.unseal(session, account.openid_sealed, table="account", column="openid", row=account.id)


async def sessions(session: AsyncSession, *, account_id: UUID, limit: int, after: UUID | None) -> list[AuthSession]:
    """The live sessions of an account, newest first, one more than `limit`."""
    statement = sa.select(AuthSession).where(
        col(AuthSession.account_id) == account_id, col(AuthSession.ended_at).is_(None), col(AuthSession.expires_at) > CLOCK
    )
    if after is not None:
        statement = statement.where(col(AuthSession.id) < after)
    found = await session.exec(statement.order_by(col(AuthSession.id).desc()).limit(limit + 1))
    return list(found.scalars().all())


async def known_origin(session: AsyncSession, *, account_id: UUID, origins: Collection[bytes]) -> bool:
    """Has this device, which has these fingerprints, signed in to this account before?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(col(AuthSession.account_id) == account_id, col(AuthSession.origin).in_(origins)).limit(1)
    )
    return found.first() is not None


async def lock_factor(session: AsyncSession, account_id: UUID) -> tuple[OtpFactor | None, float]:
    """The second factor, locked, and the seconds since 1970 by the database's clock."""
    found = await session.exec(
        sa.select(OtpFactor).where(col(OtpFactor.account_id) == account_id).with_for_update().execution_options(populate_existing=True)
    )
    factor: OtpFactor | None = found.scalars().first()
    at = await session.exec(sa.select(sa.func.extract("epoch", CLOCK)))
    return factor, float(at.scalar_one())


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What this feature knows of a person, as JSON."""
    account = await get(session, member_id)
    if account is None:
        return {}
    seen = await session.exec(sa.select(AuthSession).where(col(AuthSession.account_id) == member_id).order_by(col(AuthSession.id)))
    given = await session.exec(sa.select(AccessGrant).where(col(AccessGrant.account_id) == member_id).order_by(col(AccessGrant.id)))
    return {
        "account": {
            "id": str(account.id), "kind": account.kind.value, "status": account.status.value, "created_at": account.created_at.isoformat(),
            "phone": await phone_of(session, account_id=member_id), "openid": await openid_of(session, account_id=member_id),
        },
        "sessions": [
            {"device": one.device, "created_at": one.created_at.isoformat(), "last_used_at": one.last_used_at.isoformat()}
            for one in seen.scalars().all()
        ],
        "grants": [as_grant(one) for one in given.scalars().all()],
    }
