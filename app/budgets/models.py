"""What was counted of the ledger for the budget view. All of it follows from the ledger: what the job has not counted yet is read there."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class BudgetMember(SQLModel, table=True):
    """Up to which version of a member's balance the months have counted the member's lines, and for which area.

    Versions have no gaps and none commits before the one below it: what lies above is what is new. The row leads to nobody after an
    erasure, and stays: without it, the member's lines would be counted once more.
    """

    __tablename__ = "budget_member"
    __table_args__ = (sa.CheckConstraint("version >= 0", name="version"),)

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    version: int
    area_path: str


class BudgetMonth(SQLModel, table=True):
    """The points of the members of one area that moved in one local month. `adjusted` is what hands gave, less what they took."""

    __tablename__ = "budget_month"
    __table_args__ = (
        sa.CheckConstraint("month = date_trunc('month', month)", name="first_of_month"),
    )

    area_path: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    earned: int = Field(sa_type=sa.BigInteger)
    adjusted: int = Field(sa_type=sa.BigInteger)
    taken_back: int = Field(sa_type=sa.BigInteger)
    captured: int = Field(sa_type=sa.BigInteger)
    expired: int = Field(sa_type=sa.BigInteger)


class BudgetLapse(SQLModel, table=True):
    """The points of the members of one area that can be spent up to one local day, as they were at the last count."""

    __tablename__ = "budget_lapse"
    __table_args__ = (sa.CheckConstraint("points > 0", name="points"),)

    area_path: str = Field(primary_key=True)
    lapses_on: date = Field(primary_key=True)
    points: int = Field(sa_type=sa.BigInteger)
    counted_at: datetime
