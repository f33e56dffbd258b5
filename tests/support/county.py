"""A small county: two communities with boundaries and a grid each, side by side."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.areas.models import Area, Level
from app.db.base import fresh, new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession

WEST, MIDDLE, EAST, SOUTH, NORTH = 116.70, 116.75, 116.80, 35.50, 35.55
# What `put_scope` writes of each, in one statement: nearly every test begins with this.
SCOPES = Prepared(sa.text("""
insert into scope (scope_type, scope_id, area_path, name)
select 'area', * from unnest(cast(:ids as uuid[]), cast(:paths as text[]), cast(:names as text[]))"""))


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
    paths, names = [area.path for area in areas], [area.name for area in areas]
    await SCOPES.all(session, ids=[area.id for area in areas], paths=paths, names=names)
    return County(root, street, one, grid, two, other_grid)


def _area(parent: Area | None, level: Level, code: str, name: str, west: float, east: float) -> Area:
    ring = [[west, SOUTH], [east, SOUTH], [east, NORTH], [west, NORTH], [west, SOUTH]]
    return fresh(
        Area, id=new_id(), parent_id=parent.id if parent else None, level=level, code=code, name=name,
        path=f"{parent.path if parent else ''}{code}/", version=1,
        center_lng=(west + east) / 2, center_lat=(SOUTH + NORTH) / 2, boundary={"type": "Polygon", "coordinates": [ring]},
        west=west, south=SOUTH, east=east, north=NORTH,
    )
