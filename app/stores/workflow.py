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


def contracts_with(principal: Principal, store: Store) -> bool:
    """As an administrator of its area who does not own it: nobody agrees with oneself on what the own store is paid."""
    return administers(principal, store) and not owns(principal, store)


def allowed(principal: Principal, store: Store) -> list[str]:
    """The commands that this caller may give now."""
    if administers(principal, store):
        return ["update", "staff", *(["contract"] if contracts_with(principal, store) else [])]
    return ["update", "staff"] if owns(principal, store) else []
