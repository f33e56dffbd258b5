"""The tables of organisations and of the words for their kinds and formation ways. Who is their secretary stands in `auth`'s grants."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.db.base import Table
from app.schemas import Occupation

LOCAL_TODAY = "(timezone('Asia/Shanghai', clock_timestamp()))::date"
TRADES = ", ".join(f"'{trade.value}'" for trade in Occupation)


class OrganisationKind(StrEnum):
    """The codes that the contract names. Further ones are rows of `organisation_kind`."""

    TRADE_COMMITTEE = "trade_committee"
    COMPREHENSIVE_COMMITTEE = "comprehensive_committee"
    GENERAL_BRANCH = "general_branch"
    BRANCH = "branch"
    MOBILE_BRANCH = "mobile_branch"
    GROUP = "group"


class Formation(StrEnum):
    """In which way an organisation was set up: the codes that the contract names. Further ones are rows of `organisation_formation`."""

    TIME_LIMITED = "time_limited"
    INDEPENDENT = "independent"
    JOINT = "joint"
    TRADE = "trade"
    SECONDED = "seconded"
    REGIONAL = "regional"
    INCUBATED = "incubated"


class KindWord(SQLModel, table=True):
    """A kind of organisation. One that is not `in_force` is for nobody new; those that have it keep it.

    `takes_in`: people of its area (or of its enterprise) are matched to it. `by_trade`: people of its trades are, and nobody else.
    `rank`: of two that fit alike the lower one comes first.
    """

    __tablename__ = "organisation_kind"
    __table_args__ = (sa.CheckConstraint("code ~ '^[a-z][a-z_]{1,31}$'", name="code"),)

    code: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=40)
    takes_in: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    by_trade: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    rank: int = Field(default=100, sa_column_kwargs={"server_default": "100"})
    in_force: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class FormationWord(SQLModel, table=True):
    """A way in which organisations are set up. One that is not `in_force` is for nobody new."""

    __tablename__ = "organisation_formation"
    __table_args__ = (sa.CheckConstraint("code ~ '^[a-z][a-z_]{1,31}$'", name="code"),)

    code: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=40)
    in_force: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class Organisation(Table, table=True):
    """One Party organisation. Everything here is public; `phone` is that of its office.

    `root_committee` marks the one committee of a tenant that takes whoever fits nowhere else. It is in being from `founded_on`, and no
    more on `dissolved_on`. No `trades`: it is there for all of them.
    """

    __tablename__ = "organisation"
    __table_args__ = (
        sa.CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        sa.CheckConstraint(f"trades <@ array[{TRADES}]::text[]", name="trades"),
        sa.CheckConstraint("dissolved_on >= founded_on", name="dissolved_after_founded"),
        sa.Index("uq_organisation_root_committee", "area_id", unique=True, postgresql_where=sa.text("root_committee")),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(None, "enterprise_id", postgresql_where=sa.text("enterprise_id is not null")),
    )

    name: str = Field(max_length=120)
    kind: str = Field(max_length=32, foreign_key="organisation_kind.code")
    formation: str = Field(max_length=32, foreign_key="organisation_formation.code")
    area_id: UUID = Field(foreign_key="area.id", index=True)
    area_path: str
    parent_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    phone: str | None = Field(default=None, max_length=20)
    root_committee: bool = False
    trades: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"})
    founded_on: date = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text(LOCAL_TODAY)})
    dissolved_on: date | None = None
    version: int = 1

    def in_being(self, day: date) -> bool:
        """Founded on that local day or before, and not dissolved on it or before."""
        return self.founded_on <= day and (self.dissolved_on is None or self.dissolved_on > day)
