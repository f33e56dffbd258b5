"""Signed-in people with the grants that a test needs, made without going through sign-in."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.members import service as members_service
from app.security import passwords, sealing, tokens
from app.security.tokens import Claims
from app.settings import Settings

GrantWish = tuple[Role, ScopeType, UUID | None]
PHONES = (f"139{number:08d}" for number in itertools.count(10_000_000))
NAMES = (f"person-{number}" for number in itertools.count(1))
NEXT_PHONE = "next"
PLATFORM: tuple[GrantWish, ...] = ((Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None),)
CONSOLE_PASSWORD = "correct horse battery staple"
HASHED: list[str] = []  # of it, which takes a thirtieth of a second to make
# People are made more often than anything else: rows of the unit of work would take longer than the rest of many a test.
NEWCOMER = Prepared(sa.text("""
with made as (
    insert into account (id, kind, status, version, consented, openid_index, openid_sealed, phone_index, phone_sealed)
    values (:id, 'wechat', 'active', 1, :consented, :openid_index, :openid_sealed, :phone_index, :phone_sealed)
)
insert into member (id, version) values (:id, 1)"""))
GRANT = Prepared(sa.text("""
insert into access_grant (id, account_id, role, scope_type, scope_id, valid_until)
values (:id, :account_id, :role, :scope_type, :scope_id, :valid_until)"""))
LIFE = Prepared(sa.text("""
insert into auth_session (id, account_id, expires_at, last_used_at, stepped_up_until, otp_pending)
values (:id, :account_id, :expires_at, :last_used_at, :stepped_up_until, false)"""))


@dataclass(frozen=True)
class Person:
    id: UUID
    headers: dict[str, str]
    principal: Principal
    phone: str | None = None
    username: str | None = None


class People:
    def __init__(self, session: AsyncSession, settings: Settings) -> None:
        self.session = session
        self.settings = settings

    async def member(
        self, *, phone: str | None = NEXT_PHONE, consents: Sequence[str] = ("service", "location"), grants: Sequence[GrantWish] = (),
        stepped_up: bool = False,
    ) -> Person:
        """Somebody who came through WeChat; a fresh phone number unless one, or None, is given."""
        if phone not in (NEXT_PHONE, None):
            return await self.known(phone, consents=consents, grants=grants, stepped_up=stepped_up)
        number = next(PHONES) if phone else None
        account_id = await self._newcomer(number, sorted(set(consents)))
        return await self._signed_in(account_id, grants, stepped_up, phone=number, consents=consents)

    async def known(
        self, phone: str, *, consents: Sequence[str] = ("service", "location"), grants: Sequence[GrantWish] = (), stepped_up: bool = False
    ) -> Person:
        """Somebody whose number may be in use already, or be waited for by a grant: made by the services, step by step."""
        account = await auth_service.ensure_account(self.session, openid=f"openid-{next(NAMES)}")
        await auth_service.bind_phone(self.session, account_id=account.id, phone=phone)
        await members_service.ensure(self.session, member_id=account.id)
        await auth_service.set_consented(self.session, account_id=account.id, purposes=sorted(consents))
        return await self._signed_in(account.id, grants, stepped_up, phone=phone)

    async def _newcomer(self, phone: str | None, consents: list[str]) -> UUID:
        """The rows that `known` leaves, of somebody whom nobody can know or wait for: one statement, not twelve."""
        session, account_id, openid = self.session, new_id(), f"openid-{next(NAMES)}"
        await NEWCOMER.all(
            session, id=account_id, consented=consents,
            openid_index=sealing.blind_index(session, openid, purpose="openid"),
            openid_sealed=sealing.seal(session, openid, table="account", column="openid", row=account_id),
            phone_index=sealing.blind_index(session, phone, purpose="phone") if phone else None,
            phone_sealed=sealing.seal(session, phone, table="account", column="phone", row=account_id) if phone else None,
        )
        audit_service.record(session, "auth.create_account", object_kind="account", object_id=account_id, actor_id=account_id)
        if phone:
            audit_service.record(session, "auth.bind_phone", object_kind="account", object_id=account_id)
        return account_id

    async def console(self, *, grants: Sequence[GrantWish] = PLATFORM, stepped_up: bool = False) -> Person:
        """Staff with a username; the platform administrator unless other grants are given. The password is CONSOLE_PASSWORD."""
        username = next(NAMES)
        if not HASHED:
            HASHED.append(await passwords.hash_password(CONSOLE_PASSWORD))
        account = await auth_service.create_console_account(self.session, username=username, password_hash=HASHED[0])
        return await self._signed_in(account.id, grants, stepped_up, username=username)

    async def _signed_in(
        self, account_id: UUID, grants: Sequence[GrantWish], stepped_up: bool, *, phone: str | None = None, username: str | None = None,
        consents: Sequence[str] | None = None,
    ) -> Person:
        """`consents` of an account that has these and no rights besides, which then need not be asked for."""
        now, life = clock.now(), new_id()
        for role, scope_type, scope_id in grants:
            await GRANT.all(
                self.session, id=new_id(), account_id=account_id, role=str(role), scope_type=str(scope_type), scope_id=scope_id,
                valid_until=now + timedelta(days=300),
            )
        await LIFE.all(
            self.session, id=life, account_id=account_id, expires_at=now + timedelta(hours=8), last_used_at=now,
            stepped_up_until=now + timedelta(minutes=5) if stepped_up else None,
        )
        secret, issuer = self.session.info["keys"].secret, tokens.issuer(self.settings.env)
        token = tokens.issue(secret, issuer=issuer, account_id=account_id, session_id=life)
        headers = {"Authorization": f"Bearer {token}"}
        if grants or consents is None:
            caller = await auth_queries.load_caller(self.session, Claims(account_id=account_id, session_id=life), key=None)
            return Person(account_id, headers, caller.principal, phone, username)
        principal = Principal(
            account_id=account_id, session_id=life, kind=AccountKind.WECHAT, status=AccountStatus.ACTIVE, grants=(),
            consented=frozenset(consents), has_phone=phone is not None, stepped_up=stepped_up,
        )
        return Person(account_id, headers, principal, phone, username)
