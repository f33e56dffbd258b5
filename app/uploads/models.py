"""The table of photos."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class Checked(StrEnum):
    """What WeChat's content check says. Until `pass`, a photo is for its owner and for those whose duty it is."""

    PENDING = "pending"
    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"


class Upload(Table, table=True):
    """One photo: two objects in the store (image and thumbnail), and what it is attached to.

    `kind` and `owner_id` name the thing that shows it; without them it is swept after a day. `trace_id` is WeChat's name for the check
    that it was asked for; `label` is WeChat's word for what it saw. An erased photo keeps its row, so that histories that name it hold.
    """

    __tablename__ = "upload"
    __table_args__ = (
        sa.UniqueConstraint("image_key"),
        sa.UniqueConstraint("thumb_key"),
        sa.UniqueConstraint("trace_id"),
        sa.CheckConstraint("num_nulls(kind, owner_id, position, attached_at) in (0, 4)", name="attached_whole"),
        sa.CheckConstraint("num_nulls(image_key, thumb_key) = case when erased_at is null then 0 else 2 end", name="erased_whole"),
        sa.CheckConstraint("width between 1 and 1600 and height between 1 and 1600 and size_bytes > 0", name="size"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "owner_id", "position", postgresql_where=sa.text("owner_id is not null")),
        sa.Index("ix_upload_unattached", "created_at", postgresql_where=sa.text("owner_id is null")),
        sa.Index("ix_upload_unchecked", "created_at", postgresql_where=sa.text("checked = 'pending'")),
    )

    member_id: UUID = Field(foreign_key="account.id")
    image_key: str | None = Field(default=None, max_length=64)
    thumb_key: str | None = Field(default=None, max_length=64)
    content_type: str = Field(max_length=32)
    width: int
    height: int
    size_bytes: int
    kind: str | None = Field(default=None, max_length=32)
    owner_id: UUID | None = None
    position: int | None = Field(default=None, sa_type=sa.SmallInteger, description="its place among the photos of one attaching, from 0")
    attached_at: datetime | None = None
    checked: Checked = Field(default=Checked.PENDING, sa_type=text_enum(Checked, "checked"))
    trace_id: str | None = Field(default=None, max_length=128)
    label: str | None = Field(default=None, max_length=32)
    checked_at: datetime | None = Field(default=None, description="when WeChat's own verdict came; null when the timer decided")
    erased_at: datetime | None = None
