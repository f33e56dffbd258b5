"""The table of printed codes."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum

SCENE_LENGTH = 12


class Purpose(StrEnum):
    """What a scan begins."""

    REGISTRATION = "registration"
    STATION = "station"
    ACTIVITY = "activity"
    STORE = "store"
    ENTERPRISE = "enterprise"


class QrCode(Table, table=True):
    """One code. `scene` is all that a picture holds: random, it says nothing about what it opens and nothing about a person."""

    __tablename__ = "qrcode"
    __table_args__ = (
        sa.UniqueConstraint("scene"),
        sa.CheckConstraint(r"scene ~ '^[0-9A-Za-z]{1,32}$'", name="scene"),
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
