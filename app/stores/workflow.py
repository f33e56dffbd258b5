"""The pure rules of stores: who may do what with one."""

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.stores.models import Store


def administers(principal: Principal, store: Store) -> bool:
    return principal.covers(store.area_path, Role.AREA_ADMIN)


def owns(principal: Principal, store: Store) -> bool:
    return principal.holds(ScopeType.STORE, store.id, Role.STORE_OWNER)


def works_at(principal: Principal, store: Store) -> bool:
    """As owner or as clerk."""
    return principal.holds(ScopeType.STORE, store.id, Role.STORE_OWNER, Role.STORE_CLERK)


def allowed(principal: Principal, store: Store) -> list[str]:
    """The commands that this caller may give now."""
    commands = ["update"] if administers(principal, store) else []
    return [*commands, "staff"] if commands or owns(principal, store) else []
