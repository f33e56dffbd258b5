"""The numbers that people see, such as R20261122-000017: a letter, the local day, a count of that day and letter."""

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.session import AsyncSession

# One statement: the day's counter row is made or raised, and stays locked until the commit, so the count has no gaps and no repeats.
NEXT = sa.text("""
insert into day_number as n (prefix, day, last) values (:prefix, (clock_timestamp() at time zone 'Asia/Shanghai')::date, 1)
on conflict (prefix, day) do update set last = n.last + 1
returning to_char(day, 'YYYYMMDD'), last
""").bindparams(sa.bindparam("prefix", type_=sa.Text))


class DayNumber(SQLModel, table=True):
    """The last number given on a day."""

    __tablename__ = "day_number"
    __table_args__ = (sa.CheckConstraint("last > 0", name="positive"),)

    prefix: str = Field(primary_key=True, max_length=4)
    day: str = Field(primary_key=True, sa_type=sa.Date)
    last: int


async def next_number(session: AsyncSession, prefix: str) -> str:
    """Draws the next number. Holds the day's counter row until the commit: call it as late as the work allows."""
    connection = await session.connection()
    day, last = (await connection.execute(NEXT, {"prefix": prefix})).one()
    return f"{prefix}{day}-{last:06d}"
