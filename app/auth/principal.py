"""The caller of a request as a value: ids, grants in force, consents. Rules ask it; it asks nobody."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Acting
from app.errors import ConsentRequired, PhoneRequired


class AccountKind(StrEnum):
    WECHAT = "wechat"
    CONSOLE = "console"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLING = "cancelling"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Grant:
    """One right in force. `area_path` is where its scope lies; for an area grant it covers the subtree of that path."""

    id: UUID
    role: Role
    scope_type: ScopeType
    scope_id: UUID | None
    area_path: str | None


@dataclass(frozen=True, slots=True)
class Principal:
    account_id: UUID
    session_id: UUID
    kind: AccountKind
    status: AccountStatus
    grants: tuple[Grant, ...]
    consented: frozenset[str]
    has_phone: bool
    stepped_up: bool
    otp_pending: bool = False
    _held: dict[str, frozenset[Role]] = field(default_factory=dict, init=False, compare=False, repr=False)  # by area, found once

    def has(self, *roles: Role) -> bool:
        """Holds one of the roles anywhere."""
        return any(grant.role in roles for grant in self.grants)

    def covers(self, area_path: str, *roles: Role) -> bool:
        """Holds one of the roles on this area or on one above it."""
        return not self.held_over(area_path).isdisjoint(roles)

    def held_over(self, area_path: str) -> frozenset[Role]:
        """The roles that are held on this area or on one above it. A list asks for each of its rows, which lie in few areas."""
        held = self._held.get(area_path)
        if held is None:
            held = self._held[area_path] = frozenset(
                grant.role
                for grant in self.grants
                if grant.scope_type is ScopeType.AREA and grant.area_path is not None and area_path.startswith(grant.area_path)
            )
        return held

    def holds(self, scope_type: ScopeType, scope_id: UUID, *roles: Role) -> bool:
        """Holds one of the roles on exactly this store, organisation, enterprise or area."""
        return any(g.role in roles and g.scope_type is scope_type and g.scope_id == scope_id for g in self.grants)

    def area_paths(self, *roles: Role) -> tuple[str, ...]:
        """The areas in which one of the roles is held, as path prefixes."""
        return tuple(
            g.area_path for g in self.grants if g.role in roles and g.scope_type is ScopeType.AREA and g.area_path is not None
        )

    def scope_ids(self, scope_type: ScopeType, *roles: Role) -> tuple[UUID, ...]:
        return tuple(g.scope_id for g in self.grants if g.role in roles and g.scope_type is scope_type and g.scope_id is not None)

    def require_consent(self, purpose: str) -> None:
        """Raises ConsentRequired for a member who has not agreed; console accounts are no members and agree to nothing."""
        if self.kind is AccountKind.WECHAT and purpose not in self.consented:
            raise ConsentRequired(purpose=purpose)

    def require_phone(self) -> None:
        """Raises PhoneRequired."""
        if not self.has_phone:
            raise PhoneRequired


def acting_for(principal: Principal) -> Acting:
    """What row security is told of the caller: the same as the function `signed_in` of migration 0051 says when it finds them."""
    held = principal.grants
    return acting.for_account(
        principal.account_id, [grant.area_path for grant in held if grant.scope_type is ScopeType.AREA and grant.area_path is not None],
        [grant.scope_id for grant in held if grant.scope_type is not ScopeType.AREA and grant.scope_id is not None],
    )


def within(column: InstrumentedAttribute[Any] | sa.ColumnElement[Any] | Any, paths: Iterable[str]) -> sa.ColumnElement[bool]:
    """The predicate of a list: rows whose area path lies under one of the paths (none of them: no rows).

    Two bounds instead of LIKE: a statement that is prepared once for all paths finds its way by the index with them, not with a pattern.
    """
    clauses = [within_bounds(column, path, beyond(path)) for path in paths]
    return sa.or_(*clauses) if clauses else sa.false()


def within_bounds(column: InstrumentedAttribute[Any] | sa.ColumnElement[Any] | Any, path: Any, end: Any) -> sa.ColumnElement[bool]:
    """The same for one path, whose bounds are values or the names of values."""
    return sa.and_(column.op("~>=~", is_comparison=True)(path), column.op("~<~", is_comparison=True)(end))


def beyond(path: str) -> str:
    """The first text after everything that begins with a path: a path ends with a slash, and `0` follows it."""
    return path[:-1] + "0"
