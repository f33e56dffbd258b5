"""The pure rules of stores: who may do what with one."""

from collections.abc import Collection

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.stores.models import Store

# What a store's owner keeps up to date; the rest is its administrators'.
OWNERS = {"phone", "hours", "special_days", "upload_ids", "paused", "paused_until", "pause_note"}


def administers(principal: Principal, store: Store) -> bool:
    return principal.covers(store.area_path, Role.AREA_ADMIN)


def owns(principal: Principal, store: Store) -> bool:
    return principal.holds(ScopeType.STORE, store.id, Role.STORE_OWNER)


def works_at(principal: Principal, store: Store) -> bool:
    """As owner or as clerk."""
    return principal.holds(ScopeType.STORE, store.id, Role.STORE_OWNER, Role.STORE_CLERK)


def looks_after(principal: Principal, store: Store) -> bool:
    """As its owner, or as an administrator of its area."""
    return owns(principal, store) or administers(principal, store)


def may_change(principal: Principal, store: Store, fields: Collection[str]) -> bool:
    return administers(principal, store) or (owns(principal, store) and OWNERS.issuperset(fields))


def allowed(principal: Principal, store: Store) -> list[str]:
    """The commands that this caller may give now."""
    if administers(principal, store):
        return ["update", "staff", "contract"]
    return ["update", "staff"] if owns(principal, store) else []
