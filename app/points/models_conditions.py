"""What an award waits for, and what keeps awards back: confirmations by a second reviewer, stops of earning."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class ConfirmationStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class PointsConfirmation(Table, table=True):
    """An award that waits for a second reviewer. Confirmed, it becomes a points_award like any other; until then nothing is credited.

    `first_actor_id` is who did what the award is for (null: nobody in particular); somebody else decides.
    """

    __tablename__ = "points_confirmation"
    __table_args__ = (
        sa.UniqueConstraint("rule_code", "source_type", "source_id", "member_id"),
        sa.CheckConstraint("points > 0 and units > 0", name="positive"),
        sa.CheckConstraint("decided_by <> first_actor_id", name="two_persons"),
        sa.CheckConstraint("decided_by <> member_id", name="not_for_oneself"),
        sa.CheckConstraint("(status = 'pending') = (decided_by is null) and (decided_by is null) = (decided_at is null)", name="decided"),
        sa.CheckConstraint("(status = 'refused') = (reason_id is not null)", name="refused_has_reason"),
        sa.Index(None, "member_id", "filed_on"),
        sa.Index(None, "reason_id", postgresql_where=sa.text("reason_id is not null")),
        sa.Index(None, "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    member_id: UUID = Field(foreign_key="account.id")
    rule_code: str = Field(max_length=32)
    rule_version: int
    source_type: str = Field(max_length=32)
    source_id: UUID
    source_number: str | None = Field(default=None, max_length=20)
    filed_on: date
    points: int = Field(description="what the award is about, before any cap")
    points_each: int | None = Field(default=None, description="what a category or an official set instead of the rule's figure")
    units: int = 1
    subject_id: UUID | None = Field(default=None, description="of what the rule pays once")
    area_path: str
    status: ConfirmationStatus = Field(default=ConfirmationStatus.PENDING, sa_type=text_enum(ConfirmationStatus, "status"))
    first_actor_id: UUID | None = Field(default=None, foreign_key="account.id")
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
    reason_id: UUID | None = Field(default=None, foreign_key="points_text.id")


class PointsEarningStop(Table, table=True):
    """From its first to its last local day a member is credited nothing, unless it is lifted. `cause_id`: the false report that set it."""

    __tablename__ = "points_earning_stop"
    __table_args__ = (
        sa.UniqueConstraint("cause_id"),
        sa.CheckConstraint("until >= starts_on", name="span"),
        sa.CheckConstraint("num_nulls(lifted_by, lifted_at, lift_reason_id) in (0, 3)", name="lifted_whole"),
        sa.CheckConstraint("lifted_by <> member_id", name="not_for_oneself"),
        sa.Index(None, "member_id", "until"),
        sa.Index(None, "lift_reason_id", postgresql_where=sa.text("lift_reason_id is not null")),
        sa.Index(None, "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    member_id: UUID = Field(foreign_key="account.id")
    area_path: str
    starts_on: date
    until: date = Field(description="the last local day of it")
    cause_id: UUID = Field(foreign_key="points_proposal.id")
    lifted_by: UUID | None = Field(default=None, foreign_key="account.id")
    lifted_at: datetime | None = None
    lift_reason_id: UUID | None = Field(default=None, foreign_key="points_text.id")
