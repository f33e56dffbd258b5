"""Caps that are wider than one rule, in versions as rules are. Append-only: what was judged by a version is not rewritten."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class CapCode(StrEnum):
    """What is counted: points credited by all rules together, and points moved by hand for one member or by one maker."""

    GLOBAL = "GLOBAL"
    ADJUSTMENT_PER_MEMBER = "ADJUSTMENT_PER_MEMBER"
    ADJUSTMENT_PER_MAKER = "ADJUSTMENT_PER_MAKER"


class PointsCap(Table, table=True):
    """One version of a cap, in points a local day, month and year; null is no cap for that period."""

    __tablename__ = "points_cap"
    __table_args__ = (
        sa.UniqueConstraint("code", "version"),
        sa.CheckConstraint("version > 0 and per_day > 0 and per_month > 0 and per_year > 0", name="sane"),
        sa.CheckConstraint("valid_until >= valid_from", name="order_of_days"),
    )

    code: CapCode = Field(sa_type=text_enum(CapCode, "code"))
    version: int
    per_day: int | None = None
    per_month: int | None = None
    per_year: int | None = None
    area_path: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    made_by: UUID | None = Field(default=None, foreign_key="account.id")
