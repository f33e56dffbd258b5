"""The tables of categories: each with the figures in force, and every version that it ever had."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import json_field, text_enum


class Severity(StrEnum):
    NORMAL = "normal"
    HAZARD = "hazard"
    EMERGENCY = "emergency"


class CategoryKind(StrEnum):
    """The national classes: 部件 (something that stands there) and 事件 (something that happens); hazards stand beside them."""

    PART = "part"
    EVENT = "event"
    HAZARD = "hazard"


class GuidanceMode(StrEnum):
    """What the form does with the guidance: shows it, asks for a yes, or ends there, because somebody else must be called."""

    NONE = "none"
    NOTICE = "notice"
    CONFIRM = "confirm"
    STOP = "stop"


class ExactPlace(StrEnum):
    """Who sees the exact place besides the reporter and the staff."""

    EVERYONE = "everyone"
    HANDLERS = "handlers"


class ReportCategory(SQLModel, table=True):
    """A kind of problem, with the figures of its version in force. Leaves can be reported.

    `limits` are minutes and days of each stage, `clock` says which hours count.
    """

    __tablename__ = "report_category"
    __table_args__ = (
        sa.CheckConstraint("points >= 0", name="points"),
        # Of two tables that name each other one is checked at the commit.
        sa.ForeignKeyConstraint(
            ["code", "version"], ["report_category_version.category_code", "report_category_version.version"],
            name="fk_report_category_version", use_alter=True, deferrable=True, initially="DEFERRED",
        ),
    )

    code: str = Field(primary_key=True, max_length=40)
    parent_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    name: str = Field(max_length=40)
    severity: Severity = Field(sa_type=text_enum(Severity, "severity"))
    points: int
    limits: dict[str, Any] = json_field()
    position: int = Field(sa_type=sa.SmallInteger)
    active: bool = True
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class ReportCategoryVersion(SQLModel, table=True):
    """All that decides about reports of a category, as it once was; a trigger refuses to change it.

    A report keeps the version that it was filed under. `points` null: the figure of the points rule. `duplicate_radius_m` 0: no
    duplicates are looked for.
    """

    __tablename__ = "report_category_version"
    __table_args__ = (
        sa.CheckConstraint("version > 0", name="version"),
        sa.CheckConstraint("points between 0 and 1000", name="points"),
        sa.CheckConstraint("before_min between 1 and 9 and after_min between 1 and 9", name="photos"),
        sa.CheckConstraint("(guidance_mode = 'none') = (guidance_text is null)", name="guidance"),
        sa.CheckConstraint("duplicate_radius_m between 0 and 1000 and duplicate_days between 1 and 90", name="duplicates"),
        sa.CheckConstraint("second_look_percent between 0 and 100", name="second_look_percent"),
    )

    category_code: str = Field(primary_key=True, max_length=40, foreign_key="report_category.code")
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    parent_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    name: str = Field(max_length=40)
    severity: Severity = Field(sa_type=text_enum(Severity, "severity"))
    kind: CategoryKind = Field(sa_type=text_enum(CategoryKind, "kind"))
    national_code: str | None = Field(default=None, max_length=8)
    points: int | None = None
    limits: dict[str, Any] = json_field()
    before_min: int = Field(default=1, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "1"})
    after_min: int = Field(default=1, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "1"})
    guidance_mode: GuidanceMode = Field(default=GuidanceMode.NONE, sa_type=text_enum(GuidanceMode, "guidance_mode"))
    guidance_text: str | None = Field(default=None, max_length=200)
    duplicate_radius_m: int = Field(default=100, sa_column_kwargs={"server_default": "100"})
    duplicate_days: int = Field(default=7, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "7"})
    exact_place: ExactPlace = Field(default=ExactPlace.EVERYONE, sa_type=text_enum(ExactPlace, "exact_place"))
    second_look_percent: int = Field(default=10, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "10"})
    position: int = Field(sa_type=sa.SmallInteger)
    active: bool = True
    made_by: UUID | None = Field(default=None, foreign_key="account.id")
    created_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
