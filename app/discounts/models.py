"""Tables of discounts, of how often they were given, and of the marks that keep a day's limit without saying whose day it was."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.db.base import Table
from app.schemas import Occupation

OCCUPATIONS = ", ".join(f"'{occupation.value}'" for occupation in Occupation)
MOST_PER_DAY = 10


class Discount(Table, table=True):
    """What a store gives members who show their identity code ("凭码 9 折"). It costs no points and the store is paid nothing for it:
    a reward of the kind `discount` is the one that is bought with points.

    Given on the local days from `starts_on` to `ends_on`, both included. `occupations` null is for everybody.
    """

    __tablename__ = "discount"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "id"),
        sa.CheckConstraint("ends_on >= starts_on", name="order"),
        sa.CheckConstraint("min_level between 1 and 5", name="min_level"),
        sa.CheckConstraint(f"per_member_per_day between 1 and {MOST_PER_DAY}", name="per_member_per_day"),
        sa.CheckConstraint(f"occupations <@ array[{OCCUPATIONS}]::text[] and cardinality(occupations) > 0", name="occupations"),
    )

    store_id: UUID = Field(foreign_key="store.id")
    title: str = Field(max_length=60)
    terms: str = Field(max_length=300)
    occupations: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text), nullable=True)
    min_level: int | None = None
    starts_on: date
    ends_on: date | None = None
    per_member_per_day: int = 1
    paused: bool = False
    version: int = 1


class StoreVisitDay(SQLModel, table=True):
    """How often a store gave a discount on a local day. Nothing tells to whom."""

    __tablename__ = "store_visit_day"
    __table_args__ = (
        sa.ForeignKeyConstraint(["store_id", "discount_id"], ["discount.store_id", "discount.id"]),
        sa.CheckConstraint("visits > 0", name="visits"),
    )

    store_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    discount_id: UUID = Field(primary_key=True)
    visits: int


class StoreVisitMark(SQLModel, table=True):
    """Something happened that must not happen again before `expires_on`: a token was used, or a member's share of a day was.

    `mark` is a keyed fingerprint of all of it together (member, store, discount, day, how manieth). Without the key it says nothing, and
    no two marks have anything in common: they cannot be joined over stores or over days. No instant stands here that could be.
    """

    __tablename__ = "store_visit_mark"
    __table_args__ = (sa.CheckConstraint("octet_length(mark) = 32", name="size"), sa.Index(None, "expires_on"))

    mark: bytes = Field(primary_key=True)
    expires_on: date
