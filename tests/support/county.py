"""A small county: two communities with boundaries and a grid each, side by side."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.areas.models import Area, Level
from app.auth.models import Scope
from app.auth.roles import ScopeType
from app.db.session import AsyncSession

WEST, MIDDLE, EAST, SOUTH, NORTH = 116.70, 116.75, 116.80, 35.50, 35.55


@dataclass(frozen=True)
class County:
    root: Area
    street: Area
    community: Area
    grid: Area
    other_community: Area
    other_grid: Area
    spot: tuple[float, float] = (116.72, 35.52)
    other_spot: tuple[float, float] = (116.78, 35.52)

    def place(self, *, other: bool = False) -> dict[str, Any]:
        lng, lat = self.other_spot if other else self.spot
        return {"lng": lng, "lat": lat, "crs": "gcj02", "accuracy_m": 20}


async def make_county(session: AsyncSession) -> County:
    root = _area(None, Level.COUNTY, "370899", "测试县", WEST, EAST)
    street = _area(root, Level.STREET, "370899001", "测试街道", WEST, EAST)
    one = _area(street, Level.COMMUNITY, "370899001001", "东风社区", WEST, MIDDLE)
    two = _area(street, Level.COMMUNITY, "370899001002", "建设社区", MIDDLE, EAST)
    grid = _area(one, Level.GRID, "370899001001001", "第一网格", WEST, MIDDLE)
    other_grid = _area(two, Level.GRID, "370899001002001", "第一网格", MIDDLE, EAST)
    areas = [root, street, one, two, grid, other_grid]
    session.add_all(areas)
    await session.flush()
    # What `put_scope` writes of each, in one statement: nearly every test begins with this.
    await session.exec(
        sa.insert(Scope).values([
            {"scope_type": ScopeType.AREA, "scope_id": area.id, "area_path": area.path, "name": area.name} for area in areas
        ])
    )
    return County(root, street, one, grid, two, other_grid)


def _area(parent: Area | None, level: Level, code: str, name: str, west: float, east: float) -> Area:
    ring = [[west, SOUTH], [east, SOUTH], [east, NORTH], [west, NORTH], [west, SOUTH]]
    return Area(
        parent_id=parent.id if parent else None, level=level, code=code, name=name, path=f"{parent.path if parent else ''}{code}/",
        center_lng=(west + east) / 2, center_lat=(SOUTH + NORTH) / 2, boundary={"type": "Polygon", "coordinates": [ring]},
        west=west, south=SOUTH, east=east, north=NORTH,
    )
