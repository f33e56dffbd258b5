"""The table of categories."""

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import json_field, text_enum


class Severity(StrEnum):
    NORMAL = "normal"
    HAZARD = "hazard"
    EMERGENCY = "emergency"


class ReportCategory(SQLModel, table=True):
    """A kind of problem. Leaves can be reported; `limits` are minutes and days of each stage, `clock` says which hours count."""

    __tablename__ = "report_category"
    __table_args__ = (sa.CheckConstraint("points >= 0", name="points"),)

    code: str = Field(primary_key=True, max_length=40)
    parent_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    name: str = Field(max_length=40)
    severity: Severity = Field(sa_type=text_enum(Severity, "severity"))
    points: int
    limits: dict[str, Any] = json_field()
    position: int = Field(sa_type=sa.SmallInteger)
    active: bool = True
