"""Tables of frozen months. Statement and lines are append-only (a trigger refuses UPDATE and DELETE) and hold no name of a person."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table


class EnterpriseStatement(Table, table=True):
    """An ended month of an employer. UNIQUE: whoever asks how often, a month is frozen once.

    The enterprise's name is what it was called then. `digest` is that of `workflow.digest`: of this row and all of its lines.
    """

    __tablename__ = "enterprise_statement"
    __table_args__ = (
        sa.UniqueConstraint("enterprise_id", "month"),
        sa.CheckConstraint("extract(day from month) = 1", name="month"),
        sa.CheckConstraint("members >= 0 and points >= 0 and corrections <= 0", name="figures"),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
    )

    enterprise_id: UUID = Field(foreign_key="enterprise.id")
    enterprise_name: str = Field(max_length=120)
    month: date = Field(description="its first local day")
    frozen_at: datetime
    members: int = Field(description="who worked there in it")
    points: int
    corrections: int
    digest: str = Field(max_length=64)


class EnterpriseStatementLine(SQLModel, table=True):
    """What one member's month was. `worked` false: nobody of this month, but points that an earlier month told were taken back in it.

    `listed`: the consent was in force when the month was frozen. Whether a name is still shown is not written here.
    """

    __tablename__ = "enterprise_statement_line"
    __table_args__ = (
        sa.CheckConstraint("events >= 0 and points >= 0 and corrections <= 0 and (events = 0) = (points = 0)", name="figures"),
        sa.CheckConstraint("worked or (not listed and events = 0 and corrections < 0)", name="worked"),
        sa.Index(None, "member_id"),
    )

    statement_id: UUID = Field(primary_key=True, foreign_key="enterprise_statement.id")
    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    worked: bool
    listed: bool
    events: int
    points: int
    corrections: int


class EnterpriseStatementName(Table, table=True):
    """The name under which a listed line was shown, sealed, and its place in the alphabet. The row goes with the consent."""

    __tablename__ = "enterprise_statement_name"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["statement_id", "member_id"], ["enterprise_statement_line.statement_id", "enterprise_statement_line.member_id"],
            name="fk_enterprise_statement_name_line",
        ),
        sa.UniqueConstraint("statement_id", "member_id"),
        sa.UniqueConstraint("statement_id", "position"),
        sa.CheckConstraint("position >= 0", name="position"),
        sa.Index(None, "member_id"),
    )

    statement_id: UUID
    member_id: UUID
    position: int
    name_sealed: bytes
