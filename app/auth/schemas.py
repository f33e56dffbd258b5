"""Bodies and answers of sign-in, sessions, second factors and grants."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, model_validator

from app import clock
from app.auth import workflow
from app.auth.models import AccessGrant, AuthSession
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.auth.service import Tokens
from app.auth.service.factors import Enrolment
from app.auth.workflow import GrantStatus
from app.schemas import Body, Instant, Line, Mobile, Out, Token
from app.security.passwords import LONGEST
from app.security.tokens import LIFETIME

SAMPLE_ID = "01933c5e-7a00-7000-8000-000000000001"
SAMPLE_AT = "2026-11-25T08:00:00Z"


def _grantable(value: ScopeType) -> ScopeType:
    if value is ScopeType.PLATFORM:
        raise ValueError("平台范围不能通过接口授予")
    return value


# Taken as typed: a space at either end belongs to a password.
Password = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=LONGEST)]
Otp = Annotated[str, StringConstraints(min_length=1, max_length=40)]
ThingType = Annotated[ScopeType, AfterValidator(_grantable)]


class WeChatSignIn(Body):
    """A code of `wx.login`."""

    model_config = {"json_schema_extra": {"examples": [{"code": "0b3Xk2000Abc"}]}}

    code: Token


class PasswordSignIn(Body):
    """`otp` where a second factor is enrolled: six digits, or a recovery code."""

    model_config = {"json_schema_extra": {"examples": [{"username": "admin", "password": "correct-horse-battery", "otp": "123456"}]}}

    username: Line
    password: Password
    otp: Otp | None = None


class StepUp(Body):
    """Either the password (and the second factor), or a fresh code of `wx.login`."""

    model_config = {"json_schema_extra": {"examples": [{"password": "correct-horse-battery", "otp": "123456"}, {"code": "0b3Xk2000Abc"}]}}

    password: Password | None = None
    otp: Otp | None = None
    code: Token | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.password is None) == (self.code is None) or (self.code is not None and self.otp is not None):
            raise ValueError("请提供密码（及动态验证码），或微信登录凭证，二者选一")
        return self


class Confirmation(Body):
    model_config = {"json_schema_extra": {"examples": [{"otp": "123456"}]}}

    otp: Otp


class Refresh(Body):
    model_config = {"json_schema_extra": {"examples": [{"refresh_token": "u3Jc1mQ0zJb0v7sQ2l0m5Q0pXb1c9d8e7f6a5b4c3d2"}]}}

    refresh_token: Token


ACCOUNT: dict[str, Any] = {"id": SAMPLE_ID, "kind": "wechat", "status": "active", "created": True, "otp_pending": False}


class AccountOut(Out):
    """Who has signed in. `otp_pending`: this session can only enrol a second factor until it has."""

    model_config = {"json_schema_extra": {"examples": [ACCOUNT]}}

    id: UUID
    kind: AccountKind
    status: AccountStatus
    created: bool
    otp_pending: bool


class TokensOut(Out):
    """`expires_in` are the seconds of the access token."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0.e30.c2ln",
                    "refresh_token": "u3Jc1mQ0zJb0v7sQ2l0m5Q0pXb1c9d8e7f6a5b4c3d2", "token_type": "Bearer", "expires_in": 900,
                    "account": ACCOUNT,
                }
            ]
        }
    }

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    account: AccountOut


def tokens_out(made: Tokens) -> TokensOut:
    account = AccountOut(
        id=made.account_id, kind=made.kind, status=made.status, created=made.created, otp_pending=made.otp_pending
    )
    return TokensOut(
        access_token=made.access_token, refresh_token=made.refresh_token, token_type="Bearer", expires_in=int(LIFETIME.total_seconds()),
        account=account,
    )


class EnrolmentOut(Out):
    """Shown once: the secret, the URI for an app's camera, ten recovery codes."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "uri": "otpauth://totp/x:admin?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
                    "recovery_codes": ["ABCD-EFGH-IJKL-MNOP"],
                }
            ]
        }
    }

    secret: str
    uri: str
    recovery_codes: list[str]


def enrolment_out(made: Enrolment) -> EnrolmentOut:
    return EnrolmentOut(secret=made.secret, uri=made.uri, recovery_codes=made.recovery_codes)


class ConfirmedOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"confirmed": True}]}}

    confirmed: bool


class StepUpOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"stepped_up_until": SAMPLE_AT}]}}

    stepped_up_until: Instant


class SessionOut(Out):
    """One signed-in device; `current` is the one that asks."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": SAMPLE_ID, "device": "MicroMessenger/8.0", "created_at": SAMPLE_AT, "last_used_at": SAMPLE_AT,
                    "expires_at": "2026-12-02T08:00:00Z", "current": True,
                }
            ]
        }
    }

    id: UUID
    device: str | None
    created_at: Instant
    last_used_at: Instant
    expires_at: Instant
    current: bool


def session_out(row: AuthSession, principal: Principal) -> SessionOut:
    return SessionOut(
        id=row.id, device=row.device, created_at=row.created_at, last_used_at=row.last_used_at, expires_at=row.expires_at,
        current=row.id == principal.session_id,
    )


class GrantIn(Body):
    """To an account, or to a number: then it waits until the number is bound."""

    model_config = {
        "json_schema_extra": {"examples": [{"phone": "13800138000", "role": "reviewer", "scope_type": "area", "scope_id": SAMPLE_ID}]}
    }

    phone: Mobile | None = None
    account_id: UUID | None = None
    role: Role
    scope_type: ThingType
    scope_id: UUID
    valid_until: Instant | None = None

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.phone is None) == (self.account_id is None):
            raise ValueError("手机号与账号只能填写一个")
        return self


class GrantOut(Out):
    """`phone` is masked, and given only where the grant was made by number."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": SAMPLE_ID, "role": "reviewer", "scope_type": "area", "scope_id": SAMPLE_ID, "scope_name": "文化路社区",
                    "account_id": None, "phone": "138****8000", "status": "waiting", "valid_until": "2027-11-25T08:00:00Z",
                    "granted_at": SAMPLE_AT,
                }
            ]
        }
    }

    id: UUID
    role: Role
    scope_type: ScopeType
    scope_id: UUID | None
    scope_name: str | None
    account_id: UUID | None
    phone: str | None
    status: GrantStatus
    valid_until: Instant
    granted_at: Instant


def grant_out(row: AccessGrant, scope_name: str | None, *, now: datetime | None = None) -> GrantOut:
    status = workflow.grant_status(
        revoked_at=row.revoked_at, valid_until=row.valid_until, waiting=row.account_id is None, now=now or clock.now()
    )
    return GrantOut(
        id=row.id, role=row.role, scope_type=row.scope_type, scope_id=row.scope_id, scope_name=scope_name, account_id=row.account_id,
        phone=row.phone_masked, status=status, valid_until=row.valid_until, granted_at=row.created_at,
    )
