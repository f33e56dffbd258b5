"""The table of enterprises. Who speaks for one stands in `auth`'s grants, who works there in `members`."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class EnterpriseKind(StrEnum):
    PLATFORM = "platform"
    FRANCHISE = "franchise"
    DEPOT = "depot"
    OTHER = "other"


class Enterprise(Table, table=True):
    """One enterprise. A social credit code stands once in each tenant: a company with branches may report in to several counties.

    `uscc_confirmed`: somebody has said that a code whose check digit is wrong is really the company's.
    """

    __tablename__ = "enterprise"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "uscc"),
        sa.CheckConstraint("headcount >= 0", name="headcount"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    name: str = Field(max_length=120)
    uscc: str = Field(max_length=18)
    uscc_confirmed: bool = False
    kind: EnterpriseKind = Field(sa_type=text_enum(EnterpriseKind, "kind"))
    area_id: UUID = Field(foreign_key="area.id", index=True)
    area_path: str
    tenant_id: UUID = Field(foreign_key="area.id")
    headcount: int | None = None
    version: int = 1
