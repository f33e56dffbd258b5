"""What the clock writes down about members: who was told that points lapse, and the level with which each month began."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class PointsReminder(SQLModel, table=True):
    """That a member was told of points with this last day, so many days before at the most. The key is why nobody hears it twice."""

    __tablename__ = "points_reminder"
    __table_args__ = (sa.CheckConstraint("stage in (7, 30, 60)", name="stage"),)

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    lapses_on: date = Field(primary_key=True)
    stage: int = Field(primary_key=True)
    created_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})


class PointsLevel(SQLModel, table=True):
    """The level that a member has at least in a month, and what the twelve months before it brought."""

    __tablename__ = "points_level"
    __table_args__ = (
        sa.CheckConstraint("month = date_trunc('month', month)", name="first_of_month"),
        sa.CheckConstraint("level between 1 and 5 and earned >= 0", name="sane"),
    )

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    month: date = Field(primary_key=True)
    level: int
    earned: int
