"""Places as requests and answers name them, and the bodies and answers of areas."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.areas import geo
from app.areas.geo import Crs
from app.areas.models import Level
from app.schemas import Body, Line, Out

Lng = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Accuracy = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
MAX_POINTS = 5_000
CODE_DIGITS = {Level.PROVINCE: 6, Level.CITY: 6, Level.COUNTY: 6, Level.STREET: 9, Level.COMMUNITY: 12, Level.GRID: 15}


class Place(Body):
    """A point with its coordinate system."""

    model_config = {"json_schema_extra": {"examples": [{"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": 20}]}}

    lng: Lng
    lat: Lat
    crs: Crs
    accuracy_m: Accuracy | None = None

    def gcj02(self) -> tuple[float, float]:
        return geo.to_gcj02(self.lng, self.lat, self.crs)


class PlaceOut(Out):
    """A point in GCJ-02."""

    model_config = {"json_schema_extra": {"examples": [{"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": 20}]}}

    lng: float
    lat: float
    crs: Literal["gcj02"]
    accuracy_m: float | None


def place_out(lng: float | None, lat: float | None, accuracy_m: float | None = None) -> dict[str, Any] | None:
    """A stored GCJ-02 point as a `PlaceOut`, to seven digits (a centimetre); None when there is none."""
    if lng is None or lat is None:
        return None
    return {"lng": round(lng, 7), "lat": round(lat, 7), "crs": "gcj02", "accuracy_m": accuracy_m}


async def place_query(
    lng: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[116.783251])],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, examples=[35.552113])],
    crs: Annotated[Crs, Query(description="坐标系", examples=["gcj02"])] = Crs.GCJ02,
) -> Place:
    return Place(lng=lng, lat=lat, crs=crs)


# The place of `?lng=&lat=&crs=`.
PlaceQuery = Annotated[Place, Depends(place_query)]

ChinaLng = Annotated[float, Field(ge=73, le=136, allow_inf_nan=False)]
ChinaLat = Annotated[float, Field(ge=3, le=54, allow_inf_nan=False)]
Position = tuple[ChinaLng, ChinaLat]


def _closed(ring: list[Position]) -> list[Position]:
    if ring[0] != ring[-1]:
        raise ValueError("边界首尾两点必须相同")
    if abs(geo.signed_area(ring)) < 1e-12:
        raise ValueError("边界没有围成面")
    return ring


Ring = Annotated[list[Position], Field(min_length=4, max_length=MAX_POINTS), AfterValidator(_closed)]


class Polygon(Body):
    """A GeoJSON polygon in GCJ-02: the outer ring, then holes, each closed."""

    type: Literal["Polygon"]
    coordinates: Annotated[list[Ring], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if sum(len(ring) for ring in self.coordinates) > MAX_POINTS:
            raise ValueError(f"边界最多 {MAX_POINTS} 个点")
        return self


Code = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{5,14}$")]
BOX = [[116.78, 35.55], [116.79, 35.55], [116.79, 35.56], [116.78, 35.56], [116.78, 35.55]]
EXAMPLE: dict[str, Any] = {
    "level": "community", "code": "370812001001", "name": "文化路社区", "center": None,
    "boundary": {"type": "Polygon", "coordinates": [BOX]},
}


class AreaIn(Body):
    """A new area. Only a province and a tenant's root (city or county) go without a parent."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"parent_id": "01933c5e-7a00-7000-8000-000000000001"}]}}

    parent_id: UUID | None = None
    level: Level
    code: Code
    name: Line
    center: Place | None = None
    boundary: Polygon | None = None

    @model_validator(mode="after")
    def _fits_level(self) -> Self:
        if len(self.code) != CODE_DIGITS[self.level]:
            raise ValueError(f"该层级的代码应为 {CODE_DIGITS[self.level]} 位数字")
        if self.parent_id is None and self.level.depth > Level.COUNTY.depth:
            raise ValueError("街道、社区和网格必须指定上级")
        return self


class AreaPatch(Body):
    """What is given is changed; null removes a centre or a boundary."""

    model_config = {"json_schema_extra": {"examples": [{"name": "文化路社区"}]}}

    name: Line | None = None
    center: Place | None = None
    boundary: Polygon | None = None

    @model_validator(mode="after")
    def _keeps_its_name(self) -> Self:
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("名称不能为空")
        return self


class AreaOut(Out):
    """One area. `allowed` are the commands that the caller may give now; public lists know no caller."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": "01933c5e-7a00-7000-8000-000000000002", "parent_id": "01933c5e-7a00-7000-8000-000000000001",
                    "center": {"lng": 116.785, "lat": 35.555, "crs": "gcj02", "accuracy_m": None}, "version": 1, "allowed": ["update"],
                }
            ]
        }
    }

    id: UUID
    parent_id: UUID | None
    level: Level
    code: str
    name: str
    center: PlaceOut | None
    boundary: dict[str, Any] | None
    version: int
    allowed: list[str]


class LocatedArea(Out):
    """One link of the chain around a point; without the boundary, which phones need not load."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": "01933c5e-7a00-7000-8000-000000000002", "parent_id": "01933c5e-7a00-7000-8000-000000000001",
                    "level": "community", "code": "370812001001", "name": "文化路社区",
                    "center": {"lng": 116.785, "lat": 35.555, "crs": "gcj02", "accuracy_m": None},
                }
            ]
        }
    }

    id: UUID
    parent_id: UUID | None
    level: Level
    code: str
    name: str
    center: PlaceOut | None
