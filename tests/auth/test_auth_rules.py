"""The pure rules: refresh tokens, stops after wrong passwords, who may give what."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.auth import workflow
from app.auth.principal import AccountKind, AccountStatus, Grant, Principal
from app.auth.roles import SCOPES, Role, ScopeType
from app.auth.workflow import GrantStatus, Use
from app.errors import ValidationFailed

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
COUNTY, STREET, COMMUNITY = "370812/", "370812/370812001/", "370812/370812001/370812001001/"
ELSEWHERE = "370883/"
FRESH: dict[str, Any] = {
    "session_live": True, "end_reason": None, "state": "active", "expired": False, "in_grace": False, "child_state": None,
}
SUPERSEDED = FRESH | {"state": "superseded", "in_grace": True, "child_state": "active"}

REFRESH_CASES = [
    ("first use", FRESH, Use.ROTATE),
    ("too old", FRESH | {"expired": True}, Use.DEAD),
    ("answer lost, asked again", SUPERSEDED, Use.REPEAT),
    ("after the grace", SUPERSEDED | {"in_grace": False}, Use.REUSED),
    ("the child was used: a grandparent", SUPERSEDED | {"child_state": "superseded"}, Use.REUSED),
    ("the child was revoked", SUPERSEDED | {"child_state": "revoked"}, Use.REUSED),
    ("logged out inside the grace", SUPERSEDED | {"session_live": False, "end_reason": "logout"}, Use.DEAD),
    ("active, but logged out", FRESH | {"session_live": False, "end_reason": "logout"}, Use.DEAD),
    ("revoked", FRESH | {"state": "revoked", "in_grace": True, "child_state": "active"}, Use.REUSED),
    ("the family has ended for a reuse", FRESH | {"session_live": False, "end_reason": workflow.REUSE_REASON}, Use.REUSED),
]


def wrong_in(judge: Callable[..., Use]) -> list[str]:
    return [name for name, facts, right in REFRESH_CASES if judge(**facts) is not right]


def test_refresh_rules() -> None:
    assert wrong_in(workflow.judge_refresh) == []


def forgives_nothing(**facts: Any) -> Use:
    return workflow.judge_refresh(**facts | {"in_grace": False})


def forgives_anything_superseded(**facts: Any) -> Use:
    """The published bug: a grandparent is taken for a parent."""
    judged = workflow.judge_refresh(**facts)
    return Use.REPEAT if facts["session_live"] and facts["state"] == "superseded" and facts["in_grace"] else judged


def forgets_the_logout(**facts: Any) -> Use:
    """The other published bug: the grace outlives a logout."""
    return workflow.judge_refresh(**facts | {"session_live": True})


@pytest.mark.parametrize("bad", [forgives_nothing, forgives_anything_superseded, forgets_the_logout])
@pytest.mark.variant("S29")
def test_the_cases_catch_a_judge_that_lacks_a_rule(bad: Callable[..., Use]) -> None:
    assert wrong_in(bad)


def test_five_failures_stop_for_half_a_minute_and_ten_for_a_quarter_of_an_hour() -> None:
    assert workflow.stopped_for([0.0] * 4) == 0
    assert workflow.stopped_for([0.0, 1, 2, 3, 4]) == 30
    assert workflow.stopped_for([29.5, 30, 31, 32, 33]) == 1
    assert workflow.stopped_for([30.0, 31, 32, 33, 34]) == 0
    assert workflow.stopped_for([0.0, 40, 41, 42, 43, 44]) == 0, "the sixth, after the stop, stops nobody"
    assert workflow.stopped_for([0.0, 0, 0, 0, 0, 0]) == 30, "one that slipped in beside the fifth does not lift the stop"
    assert workflow.stopped_for([float(age) for age in range(10)]) == 900
    assert workflow.stopped_for([450.0 + age for age in range(10)]) == 450
    assert workflow.stopped_for([901.0 + age for age in range(10)]) == 0, "after a long stop the run is over"
    assert workflow.stopped_for([0.0, *(902.0 + age for age in range(9))]) == 0


def principal(*grants: tuple[Role, ScopeType, Any, str | None]) -> Principal:
    held = tuple(Grant(uuid4(), role, kind, scope, path) for role, kind, scope, path in grants)
    return Principal(uuid4(), uuid4(), AccountKind.CONSOLE, AccountStatus.ACTIVE, held, frozenset(), True, False)


def may(who: Principal, role: Role, path: str, *, kind: ScopeType = ScopeType.AREA, scope: Any = None) -> bool:
    return workflow.may_grant(who, role, scope_type=kind, scope_id=scope or uuid4(), area_path=path)


def test_who_may_give_which_role() -> None:
    street, store = uuid4(), uuid4()
    admin = principal((Role.AREA_ADMIN, ScopeType.AREA, street, STREET))
    platform = principal((Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None, None))
    owner = principal((Role.STORE_OWNER, ScopeType.STORE, store, COMMUNITY))
    reviewer = principal((Role.REVIEWER, ScopeType.AREA, street, STREET))
    assert all(may(admin, role, COMMUNITY, kind=next(iter(SCOPES[role]))) for role in workflow.LOWER | {Role.AREA_ADMIN})
    assert all(may(admin, role, STREET) for role in workflow.LOWER)
    assert not any(may(admin, Role.AREA_ADMIN, path) for path in (STREET, COUNTY, ELSEWHERE))
    assert not any(may(admin, role, path) for role in workflow.LOWER for path in (COUNTY, ELSEWHERE, "370812/370812002/"))
    assert not any(may(admin, role, COMMUNITY) for role in (Role.AUDITOR, Role.PLATFORM_ADMIN))
    assert all(may(platform, role, COUNTY) for role in (Role.AREA_ADMIN, Role.AUDITOR))
    assert not any(may(platform, role, COUNTY) for role in workflow.LOWER)
    assert may(owner, Role.STORE_CLERK, COMMUNITY, kind=ScopeType.STORE, scope=store)
    assert not may(owner, Role.STORE_OWNER, COMMUNITY, kind=ScopeType.STORE, scope=store)
    assert not may(owner, Role.STORE_CLERK, COMMUNITY, kind=ScopeType.STORE)
    assert not any(may(reviewer, role, COMMUNITY) for role in Role)


def test_a_street_is_no_prefix_of_another_street() -> None:
    admin = principal((Role.AREA_ADMIN, ScopeType.AREA, uuid4(), "370812/37081200/"))
    assert not may(admin, Role.REVIEWER, STREET)


def test_roles_fit_their_scopes_and_duties_stay_apart() -> None:
    for role, kind in itertools.product(Role, ScopeType):
        if kind in SCOPES[role]:
            workflow.require_fit(role, kind)
        else:
            with pytest.raises(ValidationFailed):
                workflow.require_fit(role, kind)
    assert not workflow.apart({Role.AREA_ADMIN, Role.AUDITOR}) and not workflow.apart({Role.PLATFORM_ADMIN, Role.AUDITOR})
    assert workflow.apart({Role.AUDITOR, Role.REVIEWER}) and workflow.apart({Role.AREA_ADMIN, Role.PLATFORM_ADMIN})


def test_terms() -> None:
    assert workflow.term(None, now=NOW) == NOW + timedelta(days=365)
    assert workflow.term(NOW + timedelta(days=366), now=NOW)
    for bad in (NOW, NOW - timedelta(seconds=1), NOW + timedelta(days=367)):
        with pytest.raises(ValidationFailed):
            workflow.term(bad, now=NOW)


def test_what_a_grant_is() -> None:
    def status(revoked_at: datetime | None = None, *, days: int = 1, waiting: bool = False) -> GrantStatus:
        return workflow.grant_status(revoked_at=revoked_at, valid_until=NOW + timedelta(days=days), waiting=waiting, now=NOW)

    assert (status(), status(waiting=True)) == (GrantStatus.ACTIVE, GrantStatus.WAITING)
    assert status(NOW) is GrantStatus.REVOKED
    assert status(days=-1) is status(NOW, days=-1) is GrantStatus.EXPIRED


def test_a_tenant_is_a_county() -> None:
    assert workflow.is_tenant(COUNTY) and not workflow.is_tenant(STREET) and not workflow.is_tenant(COMMUNITY)
    assert workflow.mask_phone("13800138000") == "138****8000"
