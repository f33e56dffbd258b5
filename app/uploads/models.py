"""The tables of photos and of what their copies are known by."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum

# What the index finds a print by: 18 of its bits at each of 16 places, evenly spread, with the place. Such a band has one of four million
# values, so that few prints share one by chance. Seven changed bits leave one whole for certain; as those of real copies lie together, up
# to 31 did in every copy that was tried.
BANDS = ", ".join(f"{place << 18} | substring(hash from {place * 238 // 15 + 1} for 18)::int" for place in range(16))


class Checked(StrEnum):
    """What WeChat's content check says. Until `pass`, a photo is for its owner and for those whose duty it is."""

    PENDING = "pending"
    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"


class Upload(Table, table=True):
    """One photo: its objects in the store, and what it is attached to.

    Image and thumbnail are always there; `medium_key` only where the image is larger than that, `original_key` (the file as it was sent)
    until the original has served. `sent_digest` is its SHA-256; `taken_sealed` holds when and where it says it was taken (`taken.py`).
    Photos from before these columns have nulls. `kind` and `owner_id` name the thing that shows it; without them it is swept after a day.
    `trace_id` is WeChat's name for the check that it was asked for; `label` is WeChat's word for what it saw. An erased
    photo keeps its row, so that histories that name it hold.
    """

    __tablename__ = "upload"
    __table_args__ = (
        sa.UniqueConstraint("image_key"),
        sa.UniqueConstraint("thumb_key"),
        sa.UniqueConstraint("medium_key"),
        sa.UniqueConstraint("original_key"),
        sa.UniqueConstraint("trace_id"),
        sa.CheckConstraint("num_nulls(kind, owner_id, position, attached_at) in (0, 4)", name="attached_whole"),
        sa.CheckConstraint("num_nulls(image_key, thumb_key) = case when erased_at is null then 0 else 2 end", name="erased_whole"),
        sa.CheckConstraint("width between 1 and 1600 and height between 1 and 1600 and size_bytes > 0", name="size"),
        sa.CheckConstraint("num_nulls(original_key, original_type) in (0, 2)", name="original_whole"),
        sa.CheckConstraint("octet_length(sent_digest) = 32", name="sent_digest"),
        sa.CheckConstraint(
            "erased_at is null or num_nonnulls(medium_key, original_key, sent_digest, taken_sealed) = 0", name="erased_tells_nothing"
        ),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "owner_id", "position", postgresql_where=sa.text("owner_id is not null")),
        sa.Index(None, "sent_digest", postgresql_where=sa.text("sent_digest is not null")),
        sa.Index("ix_upload_unattached", "created_at", postgresql_where=sa.text("owner_id is null")),
        sa.Index("ix_upload_unchecked", "created_at", postgresql_where=sa.text("checked = 'pending'")),
    )

    member_id: UUID = Field(foreign_key="account.id")
    image_key: str | None = Field(default=None, max_length=64)
    thumb_key: str | None = Field(default=None, max_length=64)
    medium_key: str | None = Field(default=None, max_length=64)
    original_key: str | None = Field(default=None, max_length=64)
    original_type: str | None = Field(default=None, max_length=32)
    sent_digest: bytes | None = None
    taken_sealed: bytes | None = None
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
    checked_at: datetime | None = Field(default=None, description="when WeChat's or a person's verdict came; null when the timer decided")
    erased_at: datetime | None = None


class UploadPrint(SQLModel, table=True):
    """How one form of a photo looks, in 256 bits (`prints.py`). The index finds those that copies are looked for by (`prints.FOUND_BY`)."""

    __tablename__ = "upload_print"
    __table_args__ = (
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], ondelete="CASCADE"),
        sa.CheckConstraint("form between 0 and 8", name="form"),
        sa.Index(
            "ix_upload_print_bands", sa.text(f"(array[{BANDS}])"), postgresql_using="gin", postgresql_with={"fastupdate": "off"},
            postgresql_where=sa.text("form in (0, 8)"),
        ),
    )

    upload_id: UUID = Field(primary_key=True)
    form: int = Field(primary_key=True, sa_type=sa.SmallInteger)
    hash: str = Field(sa_type=BIT(256), description="256 digits, 0 and 1")
