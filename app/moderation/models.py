"""Tables of the human queue. They hold ids: text and photo are read from their features, and what a decision does is done there."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum

WAITING = sa.text("status = 'waiting'")


class ItemKind(StrEnum):
    TEXT = "text"
    PHOTO = "photo"


class OwnerType(StrEnum):
    """The things of which strangers see something that members wrote or photographed."""

    REPORT = "report"
    STORE = "store"
    REWARD = "reward"


class Reason(StrEnum):
    """Why people are asked. What is `risky` is hidden already, and stays so until somebody says otherwise."""

    REVIEW = "review"
    RISKY = "risky"
    UNANSWERED = "unanswered"


class ItemStatus(StrEnum):
    """`lapsed`: there is nothing to decide any more, as WeChat passed it late, it was rewritten or taken away, or its author is erased."""

    WAITING = "waiting"
    PASSED = "passed"
    BLOCKED = "blocked"
    LAPSED = "lapsed"


class ModerationItem(Table, table=True):
    """One text or photo that a person decides about, once.

    `edition_id` is what exactly is looked at: the photo, or the timeline row of the report that wrote its text; a rewritten text is
    another edition. `area_path` is the owner's and follows it. An erasure takes the author out of the row.
    """

    __tablename__ = "moderation_item"
    __table_args__ = (
        sa.UniqueConstraint("edition_id"),
        sa.CheckConstraint("(status = 'waiting') = (decided_at is null)", name="ended"),
        sa.CheckConstraint("(status in ('passed', 'blocked')) = (decided_by is not null)", name="decided_whole"),
        sa.CheckConstraint("status <> 'blocked' or note_id is not null", name="blocked_with_reason"),
        sa.CheckConstraint("status <> 'waiting' or author_id is not null", name="waiting_has_author"),
        sa.CheckConstraint("decided_by <> author_id", name="decided_by_another"),
        sa.Index("ix_moderation_item_area_path", "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("ix_moderation_item_waiting", "created_at", postgresql_where=WAITING),
        sa.Index("ix_moderation_item_author_id", "author_id", postgresql_where=sa.text("author_id is not null")),
        sa.Index(None, "note_id", postgresql_where=sa.text("note_id is not null")),
    )

    kind: ItemKind = Field(sa_type=text_enum(ItemKind, "kind"))
    owner_type: OwnerType = Field(sa_type=text_enum(OwnerType, "owner_type"))
    owner_id: UUID = Field(index=True)
    edition_id: UUID
    author_id: UUID | None = Field(foreign_key="account.id")
    area_path: str
    reason: Reason = Field(sa_type=text_enum(Reason, "reason"))
    status: ItemStatus = Field(default=ItemStatus.WAITING, sa_type=text_enum(ItemStatus, "status"))
    decided_at: datetime | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    note_id: UUID | None = Field(default=None, foreign_key="moderation_text.id")
    reminded_on: date | None = Field(default=None, description="the last local day on which its reviewers were told that it waits")
    version: int = 1


class ModerationText(Table, table=True):
    """Why something was passed or blocked. An erasure of whoever wrote it, or of whose content it is about, empties it."""

    __tablename__ = "moderation_text"

    author_id: UUID = Field(foreign_key="account.id", index=True)
    text: str | None = Field(max_length=500)
