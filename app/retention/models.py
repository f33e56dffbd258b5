"""The table of the rules that an administrator may change."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class RetentionRule(SQLModel, table=True):
    """For how many days one kind of data stays whole. What is then done, and how far the days may be moved, stands in `rules.py`."""

    __tablename__ = "retention_rule"
    __table_args__ = (sa.CheckConstraint("days >= 1 and version >= 1", name="positive"),)

    code: str = Field(primary_key=True, max_length=24)
    days: int
    active: bool = True
    version: int = 1
    made_by: UUID | None = Field(default=None, foreign_key="account.id")
    changed_at: datetime = Field(
        default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")}
    )
