"""The table of complaints and suggestions."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class Kind(StrEnum):
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"


class Status(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"


class Complaint(Table, table=True):
    """One complaint or suggestion; both texts are sealed and emptied when their writer is erased. `area_path` says who answers.

    `due_at`: by then it is to be answered; null in rows of releases that knew no limit.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        sa.CheckConstraint("num_nulls(answered_by, answered_at) = case status when 'answered' then 0 else 2 end", name="answered_whole"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("ix_complaint_open", "due_at", postgresql_where=sa.text("status = 'open'")),
    )

    member_id: UUID = Field(foreign_key="account.id")
    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    status: Status = Field(default=Status.OPEN, sa_type=text_enum(Status, "status"))
    area_path: str = Field(description="where the person works; empty while there are no areas")
    text_sealed: bytes | None = None
    answer_sealed: bytes | None = None
    answered_by: UUID | None = Field(default=None, foreign_key="account.id")
    answered_at: datetime | None = None
    due_at: datetime | None = None
    reminded_on: date | None = Field(default=None, description="the last local day on which its administrators were told that it is late")
    version: int = 1
