"""The table of stores. Who works there stands in `auth`'s grants."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.areas.geo import Crs
from app.db.base import Table, json_field, text_enum


class StoreCategory(StrEnum):
    """What somebody comes to a store for."""

    SUPERMARKET = "supermarket"
    RESTAURANT = "restaurant"
    REPAIR = "repair"
    PARKING = "parking"
    HEALTH = "health"
    CLOTHING = "clothing"
    CONVENIENCE = "convenience"
    VENUE = "venue"
    OTHER = "other"


class Store(Table, table=True):
    """One shop. `lng`, `lat` are GCJ-02; `given_*` is the place as it came. Everything here is public, the phone too.

    `hours` is what was given, a text or a list. A paused store is not offered; codes already sold are still verified there. A pause with a
    last day ends by itself: nothing changes `paused` then, whoever asks looks at both.
    """

    __tablename__ = "store"
    __table_args__ = (
        sa.CheckConstraint("confirm_above_points >= 0", name="ceiling"),
        sa.Index(None, "lng", "lat"),
        sa.Index(None, "category", "id"),
    )

    area_id: UUID = Field(foreign_key="area.id", index=True)
    area_path: str
    name: str = Field(max_length=120)
    category: StoreCategory = Field(
        default=StoreCategory.OTHER, sa_type=text_enum(StoreCategory, "category"),
        sa_column_kwargs={"server_default": StoreCategory.OTHER.value},
    )
    address: str = Field(max_length=120)
    phone: str = Field(max_length=20)
    lng: float
    lat: float
    given_lng: float
    given_lat: float
    given_crs: Crs = Field(sa_type=text_enum(Crs, "given_crs"))
    hours: Any = json_field(list)
    paused: bool = False
    paused_until: date | None = Field(default=None, description="the last local day of the pause; null: until somebody ends it")
    pause_note: str | None = Field(default=None, max_length=120)
    confirm_above_points: int | None = Field(default=None, description="above it, a typed code needs the rider's own yes; null: never")
    version: int = 1
