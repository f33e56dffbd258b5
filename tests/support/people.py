"""Signed-in people with the grants that a test needs, made without going through sign-in."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant, Account, AuthSession
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.members import service as members_service
from app.security import passwords, tokens
from app.settings import Settings

GrantWish = tuple[Role, ScopeType, UUID | None]
PHONES = (f"139{number:08d}" for number in itertools.count(10_000_000))
NAMES = (f"person-{number}" for number in itertools.count(1))
NEXT_PHONE = "next"
PLATFORM: tuple[GrantWish, ...] = ((Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None),)
CONSOLE_PASSWORD = "correct horse battery staple"


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
        account = await auth_service.ensure_account(self.session, openid=f"openid-{next(NAMES)}")
        number = next(PHONES) if phone == NEXT_PHONE else phone
        if number:
            await auth_service.bind_phone(self.session, account_id=account.id, phone=number)
        await members_service.ensure(self.session, member_id=account.id)
        await auth_service.set_consented(self.session, account_id=account.id, purposes=sorted(consents))
        return await self._signed_in(account, grants, stepped_up, phone=number)

    async def console(self, *, grants: Sequence[GrantWish] = PLATFORM, stepped_up: bool = False) -> Person:
        """Staff with a username; the platform administrator unless other grants are given. The password is CONSOLE_PASSWORD."""
        username = next(NAMES)
        hashed = await passwords.hash_password(CONSOLE_PASSWORD)
        account = await auth_service.create_console_account(self.session, username=username, password_hash=hashed)
        return await self._signed_in(account, grants, stepped_up, username=username)

    async def _signed_in(
        self, account: Account, grants: Sequence[GrantWish], stepped_up: bool, *, phone: str | None = None, username: str | None = None
    ) -> Person:
        now = clock.now()
        until = now + timedelta(days=300)
        for role, scope_type, scope_id in grants:
            self.session.add(
                AccessGrant(account_id=account.id, role=role, scope_type=scope_type, scope_id=scope_id, valid_until=until)
            )
        life = AuthSession(
            account_id=account.id, expires_at=now + timedelta(hours=8), last_used_at=now,
            stepped_up_until=now + timedelta(minutes=5) if stepped_up else None,
        )
        self.session.add(life)
        await self.session.flush()
        ring = self.session.info["keys"]
        issuer = tokens.issuer(self.settings.env)
        token = tokens.issue(ring.secret, issuer=issuer, account_id=account.id, session_id=life.id)
        claims = tokens.read(ring.secret, token, issuer=issuer)
        caller = await auth_queries.load_caller(self.session, claims, key=None)
        return Person(account.id, {"Authorization": f"Bearer {token}"}, caller.principal, phone, username)
