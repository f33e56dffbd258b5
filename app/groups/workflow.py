"""Pure rules of the register of groups: who keeps it, whose groups a member sees."""

from app.auth.principal import Principal
from app.auth.roles import Role
from app.groups.models import GroupChat

KEEPERS = (Role.REVIEWER, Role.AREA_ADMIN)


def keeps(principal: Principal, area_path: str) -> bool:
    return principal.covers(area_path, *KEEPERS)


def allowed(principal: Principal, group: GroupChat) -> list[str]:
    """The commands that this caller may give now."""
    return ["update"] if keeps(principal, group.area_path) else []
