"""The tables of printed codes, and of the links that open the mini program for them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum

SCENE_LENGTH = 12


class Purpose(StrEnum):
    """What a scan begins."""

    REGISTRATION = "registration"
    STATION = "station"
    ACTIVITY = "activity"
    STORE = "store"
    ENTERPRISE = "enterprise"
    CERTIFICATE = "certificate"
    STORE_STAFF = "store_staff"


class QrCode(Table, table=True):
    """One code. `scene` is all that a picture holds: random, it says nothing about what it opens and nothing about a person.

    `typed` ones are invitations: their scene is a code that people may type, and has a check symbol.
    """

    __tablename__ = "qrcode"
    __table_args__ = (
        sa.UniqueConstraint("scene"),
        sa.CheckConstraint(r"scene ~ '^[0-9A-Za-z]{1,32}$'", name="scene"),
        sa.CheckConstraint("max_uses > 0", name="max_uses"),
        sa.CheckConstraint("uses >= 0 and uses <= max_uses", name="uses"),
        sa.CheckConstraint("not typed or purpose in ('registration', 'store_staff')", name="typed"),
        sa.Index(None, "target_id"),
        sa.Index(None, "issued_by", "id"),
    )

    scene: str = Field(max_length=32)
    purpose: Purpose = Field(sa_type=text_enum(Purpose, "purpose"))
    target_id: UUID
    title: str | None = Field(default=None, max_length=120)
    issued_by: UUID = Field(foreign_key="account.id")
    active: bool = True
    version: int = 1
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    typed: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class QrCodeLink(SQLModel, table=True):
    """The address that opens the mini program for a code, shared by all processes. Whoever moves `asked_at` asks WeChat, alone."""

    __tablename__ = "qrcode_link"
    __table_args__ = (sa.CheckConstraint("(url_link is null) = (expires_at is null)", name="whole"),)

    qrcode_id: UUID = Field(primary_key=True, foreign_key="qrcode.id", ondelete="CASCADE")
    asked_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
    url_link: str | None = Field(default=None, max_length=1_024)
    expires_at: datetime | None = None
