"""The table of organisations. Who is their secretary stands in `auth`'s grants."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class OrganisationKind(StrEnum):
    TRADE_COMMITTEE = "trade_committee"
    COMPREHENSIVE_COMMITTEE = "comprehensive_committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    MOBILE_BRANCH = "mobile_branch"
    GROUP = "group"


class Formation(StrEnum):
    """In which way an organisation was set up."""

    TIME_LIMITED = "time_limited"
    INDEPENDENT = "independent"
    JOINT = "joint"
    TRADE = "trade"
    SECONDED = "seconded"
    REGIONAL = "regional"
    INCUBATED = "incubated"


class Organisation(Table, table=True):
    """One Party organisation. Everything here is public; `phone` is that of its office.

    `root_committee` marks the one committee of a tenant that takes whoever fits nowhere else.
    """

    __tablename__ = "organisation"
    __table_args__ = (
        sa.CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        sa.Index("uq_organisation_root_committee", "area_id", unique=True, postgresql_where=sa.text("root_committee")),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(None, "enterprise_id", postgresql_where=sa.text("enterprise_id is not null")),
    )

    name: str = Field(max_length=120)
    kind: OrganisationKind = Field(sa_type=text_enum(OrganisationKind, "kind"))
    formation: Formation = Field(sa_type=text_enum(Formation, "formation"))
    area_id: UUID = Field(foreign_key="area.id", index=True)
    area_path: str
    parent_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    phone: str | None = Field(default=None, max_length=20)
    root_committee: bool = False
    version: int = 1
