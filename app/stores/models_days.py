"""The table of a store's special days."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table


class StoreSpecialDay(Table, table=True):
    """Local days, both included, on which a store keeps other hours, or (without hours) is closed.

    Two of one store do not overlap: the whole list is written at once, under the store's lock, and was looked through before.
    """

    __tablename__ = "store_special_day"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "starts_on"),
        sa.CheckConstraint("ends_on >= starts_on", name="span"),
        sa.CheckConstraint("num_nulls(opens, closes) in (0, 2)", name="hours_whole"),
    )

    store_id: UUID = Field(foreign_key="store.id")
    starts_on: date
    ends_on: date
    opens: str | None = Field(default=None, max_length=5)
    closes: str | None = Field(default=None, max_length=5)
    note: str | None = Field(default=None, max_length=60)
