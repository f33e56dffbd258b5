"""The table of reveals."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class RevealField(StrEnum):
    PHONE = "phone"
    REAL_NAME = "real_name"


class Reveal(Table, table=True):
    """An official saw one full value of a person. The reason stands here, where an erasure can empty it; the fact is in the audit trail."""

    __tablename__ = "reveal"
    __table_args__ = (sa.Index(None, "member_id", "id"), sa.Index(None, "staff_id", "id"))

    member_id: UUID = Field(foreign_key="account.id")
    staff_id: UUID = Field(foreign_key="account.id")
    field: RevealField = Field(sa_type=text_enum(RevealField, "field"))
    reason: str | None = Field(max_length=500)
