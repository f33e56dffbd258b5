"""Versions of rules and caps as the database is asked for them: those that hold in an area on a day, the nearest and newest first."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.points.models import PointsRule
from app.points.models_rules import PointsCap
from app.points.workflow_rules import lineage


def above(table: type[PointsRule | PointsCap], area_path: str) -> sa.ColumnElement[bool]:
    """Of the whole platform, of the area, or of one above it."""
    return among(table, sa.literal(lineage(area_path), ARRAY(sa.Text)))


def among(table: type[PointsRule | PointsCap], paths: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The same of an area whose lineage is bound to the statement."""
    return sa.or_(col(table.area_path).is_(None), col(table.area_path) == sa.any_(paths))


def valid(table: type[PointsRule | PointsCap], on: date | sa.ColumnElement[date]) -> sa.ColumnElement[bool]:
    return sa.and_(
        sa.or_(col(table.valid_from).is_(None), col(table.valid_from) <= on),
        sa.or_(col(table.valid_until).is_(None), col(table.valid_until) >= on),
    )


def nearest_first(table: type[PointsRule | PointsCap]) -> tuple[sa.ColumnElement[Any], ...]:
    return sa.func.coalesce(sa.func.length(table.area_path), 0).desc(), col(table.version).desc()
