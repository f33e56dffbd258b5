"""The pure rules of the area tree: what stands below what, how codes begin, who may change it, where a centre comes from."""

from collections.abc import Mapping
from typing import Any

from app.areas import geo
from app.areas.models import Area, Level
from app.auth.principal import Principal
from app.auth.roles import Role
from app.errors import ValidationFailed

# How many of a code's digits those below repeat. GB/T 2260 fills the code of a province and of a city up with zeros.
REPEATED_DIGITS = {Level.PROVINCE: 2, Level.CITY: 4, Level.COUNTY: 6, Level.STREET: 9, Level.COMMUNITY: 12, Level.GRID: 15}
UPDATE = "update"


def may_change(principal: Principal, path: str) -> bool:
    """The platform's administrator any area, an area's administrator those below it: nobody widens an area of one's own."""
    if principal.has(Role.PLATFORM_ADMIN):
        return True
    return any(path.startswith(own) and path != own for own in principal.area_paths(Role.AREA_ADMIN))


def allowed(principal: Principal, area: Area) -> list[str]:
    """The commands that this caller may give now."""
    return [UPDATE] if may_change(principal, area.path) else []


def require_fit(parent: Area, *, level: Level, code: str) -> None:
    """Raises ValidationFailed for a level that is not the next one below, or for a code that does not begin like the parent's."""
    if level.depth != parent.level.depth + 1:
        raise ValidationFailed.of("body", "level", msg="层级应为上级区域的下一级", kind="level")
    if not code.startswith(parent.code[: REPEATED_DIGITS[parent.level]]):
        raise ValidationFailed.of("body", "code", msg="代码应以上级区域的代码开头", kind="code_prefix")


def box(boundary: Mapping[str, Any] | None) -> dict[str, float | None]:
    """The columns that repeat a boundary's box."""
    sides = geo.bounds(boundary) if boundary else (None, None, None, None)
    return dict(zip(("west", "south", "east", "north"), sides, strict=True))


def center(given: tuple[float, float] | None, boundary: Mapping[str, Any] | None) -> dict[str, float | None]:
    """The columns of the centre: the one that is given (GCJ-02), else the middle of the boundary."""
    lng, lat = given or (geo.centroid(boundary) if boundary else (None, None))
    return {"center_lng": lng, "center_lat": lat}


def own_center(area: Area) -> tuple[float, float] | None:
    """The centre that somebody gave; None for one that came from the boundary and goes with it."""
    if area.center_lng is None or area.center_lat is None:
        return None
    held = (area.center_lng, area.center_lat)
    return None if area.boundary and geo.centroid(area.boundary) == held else held
