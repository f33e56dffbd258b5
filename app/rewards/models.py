"""Tables of rewards. The stock stands in a row of its own, so that an order locks nothing but the figure it takes from."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum


class RewardKind(StrEnum):
    GOODS = "goods"
    PARKING = "parking"
    SERVICE = "service"
    VENUE = "venue"
    DISCOUNT = "discount"


class LimitPeriod(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class Reward(Table, table=True):
    """One thing that points buy. What an order costs and what the store is paid is fixed in the order; changes here concern later ones.

    The stock of a `flash` reward are the rows of `reward_slot`. Its row in `reward_stock` stays at 0, so that the release before 0038
    sells none of it.
    """

    __tablename__ = "reward"
    __table_args__ = (
        sa.CheckConstraint("points > 0 and valid_days > 0 and settlement_cents >= 0", name="amounts"),
        sa.CheckConstraint("(per_member_count is null) = (per_member_period is null) and per_member_count > 0", name="per_member"),
        sa.CheckConstraint("per_store_per_day > 0", name="per_store_per_day"),
        sa.CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        sa.CheckConstraint("stock_per_day > 0", name="stock_per_day"),
        sa.CheckConstraint("cardinality(levels) > 0 and levels <@ array[1, 2, 3, 4, 5]::smallint[]", name="levels"),
        sa.CheckConstraint("not flash or stock_per_day is null", name="flash"),
    )

    name: str = Field(max_length=120)
    kind: RewardKind = Field(sa_type=text_enum(RewardKind, "kind"))
    points: int
    valid_days: int = Field(description="local days after the order's own day on which the code works")
    settlement_cents: int = Field(description="what a store is paid for one of it")
    per_member_count: int | None = None
    per_member_period: LimitPeriod | None = Field(default=None, sa_type=text_enum(LimitPeriod, "per_member_period"))
    per_store_per_day: int | None = None
    stock_per_day: int | None = Field(default=None, description="sold on one local day; counts what is ordered from when it is set on")
    levels: list[int] | None = Field(default=None, sa_type=sa.ARRAY(sa.SmallInteger), description="members' levels that may order it")
    flash: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    paused: bool = False
    version: int = 1


class RewardStore(SQLModel, table=True):
    """A store that hands the reward out. `area_path` repeats the store's, which never moves: lists are scoped by it."""

    __tablename__ = "reward_store"
    __table_args__ = (sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),)

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    store_id: UUID = Field(primary_key=True, foreign_key="store.id", index=True)
    area_path: str


class RewardStock(SQLModel, table=True):
    """What is left of a counted reward; without a row the reward is unlimited. Changed only relative to itself."""

    __tablename__ = "reward_stock"
    __table_args__ = (sa.CheckConstraint("stock_left >= 0", name="not_negative"), {"postgresql_with": {"fillfactor": "80"}})

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    stock_left: int


class RewardStockEntry(Table, table=True):
    """What an administrator put in or took out; append-only. The entries' sum is the stock left plus what live and verified orders took."""

    __tablename__ = "reward_stock_entry"
    __table_args__ = (
        sa.Index(None, "reward_id", "id"),
        sa.Index(None, "note_id", postgresql_where=sa.text("note_id is not null")),
    )

    reward_id: UUID = Field(foreign_key="reward.id")
    change: int
    note_id: UUID | None = Field(default=None, foreign_key="reward_note.id")
    actor_id: UUID | None = Field(default=None, foreign_key="account.id", index=True, description="null: by the release before 0038")


class RewardStockDay(SQLModel, table=True):
    """How much of a reward with a daily stock was ordered on a local day and was not given back. Changed only relative to itself."""

    __tablename__ = "reward_stock_day"
    __table_args__ = (sa.CheckConstraint("sold >= 0", name="not_negative"), {"postgresql_with": {"fillfactor": "80"}})

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    day: date = Field(primary_key=True)
    sold: int


class RewardSlot(SQLModel, table=True):
    """One piece of a flash reward, and the live or verified order that has it: many orders at once each lock a piece of their own."""

    __tablename__ = "reward_slot"
    __table_args__ = (
        sa.CheckConstraint("slot > 0", name="numbered"),
        sa.Index("ix_reward_slot_free", "reward_id", "slot", postgresql_where=sa.text("redemption_id is null")),
        sa.Index(None, "redemption_id", postgresql_where=sa.text("redemption_id is not null")),
    )

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    slot: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    redemption_id: UUID | None = Field(default=None, foreign_key="redemption.id")


class RewardNote(Table, table=True):
    """Sentences of administrators, apart from the history that refers to them, so that an erasure can empty them."""

    __tablename__ = "reward_note"

    author_id: UUID = Field(foreign_key="account.id", index=True)
    text: str | None = Field(max_length=500)
