"""The table of areas."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.db.base import Table, text_enum


class Level(StrEnum):
    """From the top down; the order of the members is the order of the levels."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"

    @property
    def depth(self) -> int:
        return DEPTHS[self]


DEPTHS = {level: depth for depth, level in enumerate(Level)}


class Area(Table, table=True):
    """One area. `path` is its parent's path, its own code and a slash: "370812/370812001/". Places are GCJ-02.

    `west`, `south`, `east`, `north` repeat the boundary's box: the index over them leaves few boundaries to test against a point.
    """

    __tablename__ = "area"
    __table_args__ = (
        sa.UniqueConstraint("code"),
        sa.CheckConstraint("path like '%' || code || '/'", name="path_ends_with_code"),
        sa.CheckConstraint("(center_lng is null) = (center_lat is null)", name="center_whole"),
        sa.CheckConstraint("num_nulls(boundary, west, south, east, north) in (0, 5)", name="boundary_has_box"),
        sa.Index("ix_area_path", "path", unique=True, postgresql_ops={"path": "text_pattern_ops"}),
        sa.Index("ix_area_box", "west", "east", "south", "north", postgresql_where=sa.text("boundary is not null")),
        sa.Index(None, "parent_id", "id"),
    )

    parent_id: UUID | None = Field(default=None, foreign_key="area.id")
    level: Level = Field(sa_type=text_enum(Level, "level"))
    code: str = Field(max_length=15)
    name: str = Field(max_length=120)
    path: str
    center_lng: float | None = None
    center_lat: float | None = None
    boundary: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    west: float | None = None
    south: float | None = None
    east: float | None = None
    north: float | None = None
    version: int = 1
