"""The areas around a point where boundaries are drawn, read as part of another statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas import geo
from app.areas.models import Area, Level
from app.db.base import known_id


@dataclass(frozen=True, slots=True)
class Around:
    id: UUID
    level: Level
    name: str
    path: str


def around(lng: Any, lat: Any) -> sa.ScalarSelect[Any]:
    """Areas whose box holds a GCJ-02 point, with their boundaries, and all above them, for `chain`."""
    holding = aliased(Area)
    codes = sa.select(sa.func.unnest(sa.func.string_to_array(sa.func.btrim(holding.path, "/"), "/"))).where(*_box(holding, lng, lat))
    boundary = sa.case((sa.and_(*_box(Area, lng, lat)), sa.cast(col(Area.boundary), sa.Text)))
    found = (
        sa.select(col(Area.id), col(Area.level), col(Area.name), col(Area.path), boundary.label("boundary"))
        .where(col(Area.code).in_(codes)).subquery("found")
    )
    return sa.select(sa.func.json_agg(sa.literal_column("found"), type_=sa.JSON)).select_from(found).scalar_subquery()


def chain(told: Sequence[Mapping[str, Any]] | None, lng: float, lat: float) -> list[Around]:
    """From the root down to the deepest area whose boundary holds the point; empty when none does."""
    found = told or ()
    drawn = sorted((one for one in found if one["boundary"]), key=lambda one: one["path"].count("/"), reverse=True)
    path = next((one["path"] for one in drawn if geo.inside(json.loads(one["boundary"]), lng, lat)), "")
    above = sorted((one for one in found if path.startswith(one["path"])), key=lambda one: len(one["path"]))
    return [Around(known_id(one["id"]), Level(one["level"]), one["name"], one["path"]) for one in above]


def _box(area: Any, lng: Any, lat: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(area.boundary).is_not(None), col(area.west) <= lng, col(area.east) >= lng, col(area.south) <= lat, col(area.north) >= lat,
    )
