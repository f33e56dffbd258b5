"""The table of calendar days."""

from datetime import date
from enum import StrEnum

from sqlmodel import Field, SQLModel

from app.db.base import text_enum


class Source(StrEnum):
    """Where a day comes from: a notice that people entered, the kept library, or the weekday and the statutory days alone.

    What people entered is never overwritten by the library.
    """

    NOTICE = "notice"
    LIBRARY = "library"
    RULE = "rule"


class CalendarDay(SQLModel, table=True):
    """One day as the State Council's yearly notice has it, make-up days included. Days without a row work from Monday to Friday."""

    __tablename__ = "calendar_day"

    day: date = Field(primary_key=True)
    workday: bool
    note: str | None = Field(default=None, max_length=40, description="why it differs from the weekday's rule")
    source: Source = Field(
        default=Source.RULE, sa_type=text_enum(Source, "source"), sa_column_kwargs={"server_default": Source.RULE.value}
    )
