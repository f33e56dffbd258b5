"""A category as it is now, for a report that is filed: read as part of another statement."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.categories import queries
from app.categories.models import GuidanceMode, ReportCategoryVersion, Severity


@dataclass(frozen=True, slots=True)
class Leaf:
    """What of the version in force decides about a new report."""

    category_code: str
    version: int
    parent_code: str | None
    severity: Severity
    limits: Mapping[str, Any]
    before_min: int
    guidance_mode: GuidanceMode
    guidance_text: str | None
    duplicate_radius_m: int
    duplicate_days: int


COLUMNS = tuple(field.name for field in fields(Leaf))


def of(code: Any) -> sa.Subquery:
    """A row for the category of this code, if it can be reported."""
    return queries.reportable(code, *(col(getattr(ReportCategoryVersion, name)) for name in COLUMNS)).subquery("leaf")


def read(row: Mapping[str, Any]) -> Leaf | None:
    return None if row["category_code"] is None else Leaf(*(row[name] for name in COLUMNS))
