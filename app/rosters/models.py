"""Tables of rosters and of the people on them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class RosterKind(StrEnum):
    ENTERPRISE = "enterprise"
    ORGANISATION = "organisation"


class RosterStatus(StrEnum):
    QUEUED = "queued"
    MATCHED = "matched"


class Roster(Table, table=True):
    """One uploaded list of people of an enterprise or organisation. The newest counts; the lines of older ones are deleted."""

    __tablename__ = "roster"
    __table_args__ = (
        sa.CheckConstraint("(status = 'queued') = (matched_at is null)", name="matched_whole"),
        sa.CheckConstraint("registered between 0 and total and invalid >= 0", name="counts"),
        sa.Index(None, "owner_id", "id"),
        sa.Index("ix_roster_matched", "matched_at", postgresql_where=sa.text("kind = 'organisation'")),
    )

    kind: RosterKind = Field(sa_type=text_enum(RosterKind, "kind"))
    owner_id: UUID
    status: RosterStatus = Field(default=RosterStatus.QUEUED, sa_type=text_enum(RosterStatus, "status"))
    uploaded_by: UUID = Field(foreign_key="account.id")
    total: int = Field(description="lines that name a person")
    invalid: int = Field(description="lines without a name or a mobile number")
    registered: int = 0
    matched_at: datetime | None = None


class RosterLine(Table, table=True):
    """One person of a roster, sealed. An enterprise's lines are gone once they are matched, an organisation's a month later."""

    __tablename__ = "roster_line"
    __table_args__ = (
        sa.Index(None, "roster_id", "id"),
        sa.Index(None, "phone_index"),
        sa.Index(None, "member_id", postgresql_where=sa.text("member_id is not null")),
    )

    roster_id: UUID = Field(foreign_key="roster.id")
    phone_index: bytes
    sealed: bytes
    member_id: UUID | None = Field(default=None, foreign_key="account.id", description="who registered, where name and phone agree")
