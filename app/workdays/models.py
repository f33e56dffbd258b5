"""The table of calendar days."""

from datetime import date

from sqlmodel import Field, SQLModel


class CalendarDay(SQLModel, table=True):
    """One day as the State Council's yearly notice has it, make-up days included. Days without a row work from Monday to Friday."""

    __tablename__ = "calendar_day"

    day: date = Field(primary_key=True)
    workday: bool
    note: str | None = Field(default=None, max_length=40, description="why it differs from the weekday's rule")
