"""Rows of areas as answers."""

from app.areas import workflow
from app.areas.models import Area
from app.areas.schemas import AreaOut, LocatedArea, place_out
from app.auth.principal import Principal


def shown(area: Area, principal: Principal | None = None) -> AreaOut:
    """`principal` None: a public answer, which knows no caller."""
    return AreaOut(
        id=area.id, parent_id=area.parent_id, level=area.level, code=area.code, name=area.name,
        center=place_out(area.center_lng, area.center_lat), boundary=area.boundary, version=area.version,
        allowed=workflow.allowed(principal, area) if principal else [],
    )


def located(area: Area) -> LocatedArea:
    return LocatedArea(
        id=area.id, parent_id=area.parent_id, level=area.level, code=area.code, name=area.name,
        center=place_out(area.center_lng, area.center_lat),
    )
