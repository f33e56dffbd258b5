"""The tables of enterprises and of how many work for each. Who speaks for one stands in `auth`'s grants, who works there in `members`."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum

LOCAL_TODAY = "(timezone('Asia/Shanghai', clock_timestamp()))::date"


class EnterpriseKind(StrEnum):
    PLATFORM = "platform"
    FRANCHISE = "franchise"
    DEPOT = "depot"
    OTHER = "other"


class Enterprise(Table, table=True):
    """One enterprise. A social credit code stands once in each tenant: a company with branches may report in to several counties.

    `uscc_confirmed`: somebody has said that a code whose check digit is wrong is really the company's.
    It counts on the local days from `listed_on` on, and before `closed_on`: on that day it is closed already. Null: it goes on.
    `headcount` is the figure of the newest day in `enterprise_headcount`.
    """

    __tablename__ = "enterprise"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "uscc"),
        sa.CheckConstraint("headcount >= 0", name="headcount"),
        sa.CheckConstraint("closed_on >= listed_on", name="life"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        # A name is looked for by the symbols in it: words of two Chinese symbols are too short for trigrams.
        sa.Index("ix_enterprise_name_symbols", sa.text("string_to_array(lower(name), NULL)"), postgresql_using="gin"),
    )

    name: str = Field(max_length=120)
    uscc: str = Field(max_length=18)
    uscc_confirmed: bool = False
    kind: EnterpriseKind = Field(sa_type=text_enum(EnterpriseKind, "kind"))
    area_id: UUID = Field(foreign_key="area.id", index=True)
    area_path: str
    tenant_id: UUID = Field(foreign_key="area.id")
    headcount: int | None = None
    listed_on: date = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text(LOCAL_TODAY)})
    closed_on: date | None = None
    version: int = 1

    def closed_by(self, day: date) -> bool:
        """Is it closed on this local day?"""
        return self.closed_on is not None and self.closed_on <= day


class EnterpriseHeadcount(Table, table=True):
    """How many worked for an enterprise on a local day; a second figure of the same day takes the place of the first.

    `headcount` null: from this day on no figure is known. `recorded_by` null: carried over from before this history was kept, or written
    by somebody who is erased.
    """

    __tablename__ = "enterprise_headcount"
    __table_args__ = (
        sa.UniqueConstraint("enterprise_id", "on"),
        sa.CheckConstraint("headcount >= 0", name="headcount"),
        sa.Index(None, "recorded_by"),
    )

    enterprise_id: UUID = Field(foreign_key="enterprise.id")
    on: date
    headcount: int | None = None
    recorded_by: UUID | None = Field(default=None, foreign_key="account.id")
