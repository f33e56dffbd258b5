"""Tables of units, of who belongs to them, and of the rules that lead a report to one."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class Kind(StrEnum):
    """What kind of 责任单位 it is."""

    GRID_TEAM = "grid_team"
    STREET_OFFICE = "street_office"
    DEPARTMENT = "department"
    COMPANY = "company"


class Unit(Table, table=True):
    """Who answers for a kind of problem somewhere (责任单位). `phone` is an office's line, not a person's."""

    __tablename__ = "unit"
    __table_args__ = (
        sa.Index("uq_unit_live_name", "area_id", "name", unique=True, postgresql_where=sa.text("active")),
        sa.Index("ix_unit_area_path", "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    name: str = Field(max_length=120)
    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    phone: str | None = Field(default=None, max_length=20)
    active: bool = True
    version: int = 1


class UnitMember(Table, table=True):
    """A grid worker of a unit, from `created_at` on; `until` is null while they belong to it. Nobody belongs to two at once."""

    __tablename__ = "unit_member"
    __table_args__ = (
        sa.CheckConstraint("until >= created_at", name="order"),
        sa.Index("uq_unit_member_now", "account_id", unique=True, postgresql_where=sa.text("until is null")),
        sa.Index(None, "unit_id", "id"),
        sa.Index(None, "account_id", "id"),
    )

    unit_id: UUID = Field(foreign_key="unit.id")
    account_id: UUID = Field(foreign_key="account.id")
    until: datetime | None = None


class RoutingRule(Table, table=True):
    """Reports of a category (a leaf, a group, or any when null) in an area go to a unit, from one local day to another, both included.

    A rule that was taken back stays as a row: what was dispatched by it can be explained.
    """

    __tablename__ = "routing_rule"
    __table_args__ = (
        sa.CheckConstraint("valid_until >= valid_from", name="order"),
        sa.CheckConstraint("priority between 0 and 1000", name="priority"),
        sa.Index(
            "uq_routing_rule_live", "area_id", "category_code", "priority", "valid_from", unique=True,
            postgresql_where=sa.text("active"), postgresql_nulls_not_distinct=True,
        ),
        sa.Index("ix_routing_rule_area_path", "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(None, "unit_id"),
    )

    category_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    unit_id: UUID = Field(foreign_key="unit.id")
    priority: int = 0
    valid_from: date
    valid_until: date | None = None
    active: bool = True
    version: int = 1
