"""Who decides what holds for everybody alike: the platform's administrator, and whoever administers a whole tenant. Pure."""

from app.auth.principal import Principal
from app.auth.roles import Role


def governs(principal: Principal) -> bool:
    return principal.has(Role.PLATFORM_ADMIN) or any(is_tenant(path) for path in principal.area_paths(Role.AREA_ADMIN))


def is_tenant(path: str) -> bool:
    """A tenant is the topmost city or county: the root of its tree, or right below a province (whose code ends in four zeros)."""
    above = path.rstrip("/").split("/")[:-1]
    return not above or (len(above) == 1 and above[0].endswith("0000"))
