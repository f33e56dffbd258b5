"""The table of community WeChat groups."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table

MOST_PEOPLE = 500  # WeChat takes no more into one group


class GroupChat(Table, table=True):
    """One WeChat group of a community. Nobody in it is known here but, if the register says so, the account that looks after it.

    `people` is what somebody counted on `checked_on`: WeChat tells it to nobody else. One that is not active is kept for the record.
    """

    __tablename__ = "group_chat"
    __table_args__ = (
        sa.CheckConstraint(f"people between 0 and {MOST_PEOPLE}", name="people"),
        sa.Index("uq_group_chat_active_name", "area_id", "name", unique=True, postgresql_where=sa.text("active")),
        sa.Index(None, "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(None, "keeper_id", postgresql_where=sa.text("keeper_id is not null")),
    )

    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    name: str = Field(max_length=60)
    how_to_join: str = Field(max_length=300)
    people: int
    checked_on: date
    note: str | None = Field(default=None, max_length=500, description="for staff")
    keeper_id: UUID | None = Field(default=None, foreign_key="account.id")
    active: bool = True
    version: int = 1
