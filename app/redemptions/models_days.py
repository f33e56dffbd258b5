"""Heads of a store's days: append-only (a trigger refuses the rest)."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table


class StoreDayHead(Table, table=True):
    """What a store verified and undid on a local day, as one hash, which covers the head of its day before.

    UNIQUE(previous) lets a day follow another once: the days of a store are one line, not a tree.
    """

    __tablename__ = "store_day_head"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "day"),
        sa.UniqueConstraint("store_id", "previous"),
        sa.CheckConstraint("count >= 0 and undone >= 0 and count + undone > 0", name="counts"),
        sa.CheckConstraint("octet_length(previous) = 32 and octet_length(head) = 32", name="digests"),
    )

    store_id: UUID = Field(foreign_key="store.id")
    day: date
    count: int
    undone: int
    cents: int = Field(sa_type=sa.BigInteger, description="what was verified on the day less what was undone on it, whenever verified")
    previous: bytes
    head: bytes
