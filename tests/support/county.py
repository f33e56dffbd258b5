"""A small county: two communities with boundaries and a grid each, side by side."""

from dataclasses import dataclass
from typing import Any

from app.areas.models import Area, Level
from app.auth import service as auth_service
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
    root = await _area(session, None, Level.COUNTY, "370899", "测试县", WEST, EAST)
    street = await _area(session, root, Level.STREET, "370899001", "测试街道", WEST, EAST)
    one = await _area(session, street, Level.COMMUNITY, "370899001001", "东风社区", WEST, MIDDLE)
    two = await _area(session, street, Level.COMMUNITY, "370899001002", "建设社区", MIDDLE, EAST)
    grid = await _area(session, one, Level.GRID, "370899001001001", "第一网格", WEST, MIDDLE)
    other_grid = await _area(session, two, Level.GRID, "370899001002001", "第一网格", MIDDLE, EAST)
    return County(root, street, one, grid, two, other_grid)


async def _area(session: AsyncSession, parent: Area | None, level: Level, code: str, name: str, west: float, east: float) -> Area:
    ring = [[west, SOUTH], [east, SOUTH], [east, NORTH], [west, NORTH], [west, SOUTH]]
    area = Area(
        parent_id=parent.id if parent else None, level=level, code=code, name=name, path=f"{parent.path if parent else ''}{code}/",
        center_lng=(west + east) / 2, center_lat=(SOUTH + NORTH) / 2, boundary={"type": "Polygon", "coordinates": [ring]},
        west=west, south=SOUTH, east=east, north=NORTH,
    )
    session.add(area)
    await session.flush()
    await auth_service.put_scope(session, scope_type=ScopeType.AREA, scope_id=area.id, area_path=area.path, name=name)
    return area
