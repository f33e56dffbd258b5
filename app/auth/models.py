"""Accounts, sessions, refresh tokens, second factors, grants, scopes."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.auth.principal import AccountKind, AccountStatus
from app.auth.roles import Role, ScopeType
from app.db.base import Table, text_enum


class Account(Table, table=True):
    """One person (a WeChat account; its id is the member's id everywhere) or one console account.

    openid and phone are sealed; their blind indexes are UNIQUE, so one WeChat user and one number can have one account only.
    `consented` repeats what `members` keeps with version and time: the purposes in force now, loaded with the principal.
    """

    __tablename__ = "account"
    __table_args__ = (
        sa.UniqueConstraint("openid_index"),
        sa.UniqueConstraint("phone_index"),
        sa.UniqueConstraint("username"),
        sa.CheckConstraint("(kind = 'console') = (username is not null)", name="console_has_username"),
        sa.CheckConstraint("(phone_index is null) = (phone_sealed is null)", name="phone_whole"),
    )

    kind: AccountKind = Field(sa_type=text_enum(AccountKind, "kind"))
    status: AccountStatus = Field(default=AccountStatus.ACTIVE, sa_type=text_enum(AccountStatus, "status"))
    openid_index: bytes | None = None
    openid_sealed: bytes | None = None
    phone_index: bytes | None = None
    phone_sealed: bytes | None = None
    username: str | None = Field(default=None, max_length=64)
    password_hash: str | None = Field(default=None, max_length=255)
    consented: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"})
    erase_on: date | None = Field(default=None, description="the day on which a cancelling account is erased")
    version: int = 1


class AuthSession(Table, table=True):
    """One signed-in device; also the family of its refresh tokens. Dead the moment `ended_at` is set.

    `expires_at` is the idle limit: every refresh moves it, never beyond the whole life counted from `created_at`.
    `otp_pending`: the account must enrol a second factor before this session may do anything else. `origin` is a keyed fingerprint of
    address and device: a device that signed in before has a counter of wrong passwords of its own.
    """

    __tablename__ = "auth_session"
    __table_args__ = (
        sa.Index(None, "account_id", postgresql_where=sa.text("ended_at is null")),
        sa.Index(None, "account_id", "origin", postgresql_where=sa.text("origin is not null")),
    )

    account_id: UUID = Field(foreign_key="account.id")
    device: str | None = Field(default=None, max_length=200)
    origin: bytes | None = None
    expires_at: datetime
    last_used_at: datetime
    stepped_up_until: datetime | None = None
    otp_pending: bool = False
    ended_at: datetime | None = None
    end_reason: str | None = Field(default=None, max_length=32)


class RefreshToken(Table, table=True):
    """One link of a session's chain. UNIQUE(parent_id): two uses of one token at once cannot make two children."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("parent_id"),
        sa.CheckConstraint("state in ('active', 'superseded', 'revoked')", name="state"),
        sa.Index(None, "session_id"),
    )

    session_id: UUID = Field(foreign_key="auth_session.id")
    parent_id: UUID | None = Field(default=None, foreign_key="refresh_token.id")
    hash: bytes
    state: str = Field(default="active", max_length=16)
    expires_at: datetime
    superseded_at: datetime | None = None


class OtpFactor(SQLModel, table=True):
    """A TOTP factor. `last_step` is the last accepted 30-second step: the next must be greater, so no code works twice."""

    __tablename__ = "otp_factor"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    secret_sealed: bytes
    confirmed_at: datetime | None = None
    last_step: int = Field(default=0, sa_type=sa.BigInteger)
    recovery_hashes: list[bytes] = Field(default_factory=list, sa_type=ARRAY(sa.LargeBinary))


class AccessGrant(Table, table=True):
    """A role on a scope for an account, or for a phone number until somebody binds it.

    `phone_sealed` is what a new index can be made of when the key changes; a grant from before it was written has the mask alone.
    """

    __tablename__ = "access_grant"
    __table_args__ = (
        sa.CheckConstraint("(account_id is null) <> (phone_index is null)", name="one_subject"),
        sa.CheckConstraint("(scope_id is null) = (scope_type = 'platform')", name="scope_whole"),
        sa.Index(
            "uq_access_grant_live", "account_id", "role", "scope_type", "scope_id", unique=True,
            postgresql_where=sa.text("revoked_at is null and account_id is not null"), postgresql_nulls_not_distinct=True,
        ),
        sa.Index(
            "uq_access_grant_waiting", "phone_index", "role", "scope_type", "scope_id", unique=True,
            postgresql_where=sa.text("revoked_at is null and phone_index is not null"), postgresql_nulls_not_distinct=True,
        ),
        sa.Index(None, "scope_type", "scope_id"),
    )

    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    phone_index: bytes | None = None
    phone_sealed: bytes | None = None
    phone_masked: str | None = Field(default=None, max_length=16)
    role: Role = Field(sa_type=text_enum(Role, "role"))
    scope_type: ScopeType = Field(sa_type=text_enum(ScopeType, "scope_type"))
    scope_id: UUID | None = None
    valid_until: datetime
    granted_by: UUID | None = Field(default=None, foreign_key="account.id")
    revoked_at: datetime | None = None
    revoked_by: UUID | None = Field(default=None, foreign_key="account.id")


class Scope(SQLModel, table=True):
    """Where a thing that grants can name lies in the area tree. Written by the feature that owns the thing, when made or moved."""

    __tablename__ = "scope"

    scope_type: ScopeType = Field(primary_key=True, sa_type=text_enum(ScopeType, "scope_type"))
    scope_id: UUID = Field(primary_key=True)
    area_path: str
    name: str = Field(max_length=120)
