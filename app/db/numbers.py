"""The numbers that people see, such as R20261122-000017: a letter, the local day, a count of that day and letter."""

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.session import AsyncSession

# Out of a sequence of the letter (migration 0039): nobody waits for anybody's commit.
NEXT = sa.text("select next_number(:prefix)").bindparams(sa.bindparam("prefix", type_=sa.Text))


class DayNumber(SQLModel, table=True):
    """The last number that the release before 0039 gave on a day. It counts from 500001 on beside this one, which gives what is below."""

    __tablename__ = "day_number"
    __table_args__ = (sa.CheckConstraint("last > 0", name="positive"),)

    prefix: str = Field(primary_key=True, max_length=4)
    day: str = Field(primary_key=True, sa_type=sa.Date)
    last: int


async def next_number(session: AsyncSession, prefix: str) -> str:
    """Draws the next number. It is gone even if the work is rolled back: the count of a day has no repeats, but it may have gaps."""
    connection = await session.connection()
    number: str = (await connection.execute(NEXT, {"prefix": prefix})).scalar_one()
    return number
