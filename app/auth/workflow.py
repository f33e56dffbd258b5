"""The pure rules of sign-in and grants: how long a session lives, what a refresh token may do, who may give which role."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

from app.auth.principal import AccountKind, Principal
from app.auth.roles import SCOPES, SEPARATE, Role, ScopeType
from app.errors import ValidationFailed

MAX_SESSIONS = 5
STEP_UP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Life:
    """A session ends when unused for `idle`, and after `whole` in any case."""

    idle: timedelta
    whole: timedelta


LIVES = {
    AccountKind.WECHAT: Life(timedelta(days=7), timedelta(days=30)),
    AccountKind.CONSOLE: Life(timedelta(minutes=30), timedelta(hours=12)),
}


class Use(StrEnum):
    """What is done with a refresh token that was presented."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    REUSED = "reused"
    DEAD = "dead"


REUSE_REASON = "refresh_reuse"
GRACE = timedelta(seconds=90)  # a phone waits up to 60 s for an answer that was lost


def judge_refresh(
    *, session_live: bool, end_reason: str | None, state: str, expired: bool, in_grace: bool, child_state: str | None
) -> Use:
    """The rules of reliability.md 4.2. `child_state` is that of the token's one child: unused (`active`) means that it is the newest.

    A second presentation is forgiven within the grace only, only for the direct parent of an unused child, and never after a logout.
    """
    if not session_live:
        return Use.REUSED if end_reason == REUSE_REASON else Use.DEAD
    if state == "active":
        return Use.DEAD if expired else Use.ROTATE
    return Use.REPEAT if state == "superseded" and in_grace and child_state == "active" else Use.REUSED


QUIET_S = 900  # a run of failures is over after so long without one
SHORT_RUN, SHORT_STOP_S = 5, 30
LONG_RUN, LONG_STOP_S = 10, 900


def stopped_for(ages: Sequence[float]) -> int:
    """Seconds that an account is stopped after these failures (seconds ago, newest first): 5 in a run stop it for 30 s, 10 for 15 min.

    The short stop counts from the fifth failure, so that one which arrives beside it cannot jump over the stop. After a long stop the
    run is over by itself, so nobody can be locked out for good.
    """
    run, previous = 0, 0.0
    for age in ages:
        if age - previous > QUIET_S:
            break
        run, previous = run + 1, age
    if run >= LONG_RUN:
        return max(0, ceil(LONG_STOP_S - ages[0]))
    return max(0, ceil(SHORT_STOP_S - ages[run - SHORT_RUN])) if run >= SHORT_RUN else 0


# What an area administrator may give in the whole subtree; `area_admin` itself only strictly below.
LOWER = frozenset({
    Role.REVIEWER, Role.GRID_WORKER, Role.STORE_OWNER, Role.STORE_CLERK, Role.ENTERPRISE_CONTACT, Role.ORG_SECRETARY, Role.INSTRUCTOR,
})
# The auditor is named from outside the administration that it audits.
BY_PLATFORM = frozenset({Role.AREA_ADMIN, Role.AUDITOR})
ONE_YEAR, AT_MOST = timedelta(days=365), timedelta(days=366)
TENANT_CODE_LENGTH = 6  # province, city, county; streets have nine digits


def require_fit(role: Role, scope_type: ScopeType) -> None:
    """Raises ValidationFailed for a kind of scope that the role does not have."""
    if scope_type not in SCOPES[role]:
        raise ValidationFailed.of("body", "scope_type", msg="该角色不能授予这类范围", kind="scope_type")


def term(valid_until: datetime | None, *, now: datetime) -> datetime:
    """The end of a grant: one year when none is asked for. Raises ValidationFailed for one that is over or longer than a year."""
    if valid_until is None:
        return now + ONE_YEAR
    if not now < valid_until <= now + AT_MOST:
        raise ValidationFailed.of("body", "valid_until", msg="有效期应在将来，且不超过一年", kind="valid_until")
    return valid_until


def may_grant(principal: Principal, role: Role, *, scope_type: ScopeType, scope_id: UUID | None, area_path: str | None) -> bool:
    """May the caller give (and take away) this role on this scope, whoever gets it?"""
    if role in BY_PLATFORM and principal.has(Role.PLATFORM_ADMIN):
        return True
    if area_path is None or scope_id is None:
        return role is Role.PLATFORM_ADMIN and principal.has(Role.PLATFORM_ADMIN)
    if role is Role.AREA_ADMIN:
        return any(area_path.startswith(path) and area_path != path for path in principal.area_paths(Role.AREA_ADMIN))
    if role in LOWER and principal.covers(area_path, Role.AREA_ADMIN):
        return True
    return role is Role.STORE_CLERK and principal.holds(scope_type, scope_id, Role.STORE_OWNER)


def sees_scope(principal: Principal, *, scope_type: ScopeType, scope_id: UUID, area_path: str) -> bool:
    """Does the scope lie within any grant of the caller? Otherwise a refusal must not tell that it exists."""
    if principal.has(Role.PLATFORM_ADMIN):
        return True
    everywhere = principal.covers(area_path, *Role)
    return everywhere or principal.holds(scope_type, scope_id, *Role)


def apart(roles: set[Role]) -> bool:
    """Are the duties that one account may not hold together (三员分立) kept apart?"""
    administration, audit = SEPARATE
    return not (roles & administration and roles & audit)


def is_tenant(area_path: str) -> bool:
    """A province, city or county: its last administrator stays."""
    return len(area_path.rstrip("/").rpartition("/")[2]) == TENANT_CODE_LENGTH


class GrantStatus(StrEnum):
    ACTIVE = "active"
    WAITING = "waiting"
    REVOKED = "revoked"
    EXPIRED = "expired"


def grant_status(*, revoked_at: datetime | None, valid_until: datetime, waiting: bool, now: datetime) -> GrantStatus:
    """What a grant is at this moment. One that was put away after its end (to make room for the next) has expired, not been revoked."""
    if revoked_at is not None and revoked_at < valid_until:
        return GrantStatus.REVOKED
    if valid_until <= now:
        return GrantStatus.EXPIRED
    return GrantStatus.WAITING if waiting else GrantStatus.ACTIVE


def username_form(typed: str) -> str:
    """The one form in which a console name is kept, looked up and counted."""
    return typed.strip().lower()


def mask_phone(phone: str) -> str:
    """138****8000."""
    return f"{phone[:3]}****{phone[-4:]}"
