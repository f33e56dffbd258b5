"""The tables of reveals and of erasures."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, json_field, text_enum


class RevealField(StrEnum):
    PHONE = "phone"
    REAL_NAME = "real_name"


class RevealPurpose(StrEnum):
    """What a full value is needed for, in one word."""

    CONTACT_MEMBER = "contact_member"
    VERIFY_IDENTITY = "verify_identity"
    HANDLE_CASE = "handle_case"
    OTHER = "other"


class Reveal(Table, table=True):
    """An official saw one full value of a person. The reason stands here, where an erasure can empty it; the fact is in the audit trail."""

    __tablename__ = "reveal"
    __table_args__ = (sa.Index(None, "member_id", "id"), sa.Index(None, "staff_id", "id"))

    member_id: UUID = Field(foreign_key="account.id")
    staff_id: UUID = Field(foreign_key="account.id")
    field: RevealField = Field(sa_type=text_enum(RevealField, "field"))
    reason: str | None = Field(max_length=500)
    purpose: RevealPurpose | None = Field(default=None, sa_type=text_enum(RevealPurpose, "purpose"))


class Erasure(Table, table=True):
    """The certificate of one erasure, append-only; all of them are the journal that is gone through again after a restore.

    No foreign key: a journal that comes from elsewhere may name people whom an old backup does not know. `counts` says how many rows
    each feature emptied or deleted. `asked_on` is the local day of the request, where it is known.
    """

    __tablename__ = "erasure"
    __table_args__ = (
        sa.UniqueConstraint("subject_id"),
        sa.CheckConstraint("jsonb_typeof(counts) = 'object'", name="counts_by_feature"),
    )

    subject_id: UUID
    asked_on: date | None = None
    erased_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
    counts: dict[str, Any] = json_field()
