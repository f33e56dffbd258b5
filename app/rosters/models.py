"""Tables of rosters, of what waits to be worked through, and of the people on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum

ZERO: dict[str, Any] = {"server_default": "0"}


class RosterKind(StrEnum):
    ENTERPRISE = "enterprise"
    ORGANISATION = "organisation"


class RosterStatus(StrEnum):
    QUEUED = "queued"
    MATCHED = "matched"


class FollowUp(StrEnum):
    """What came of it when the secretary spoke to somebody of the list."""

    CONTACTED = "contacted"
    WILL_REGISTER = "will_register"
    DECLINED = "declined"
    NOT_OURS = "not_ours"


class Roster(Table, table=True):
    """One uploaded list of people of an enterprise or organisation. The newest counts; what is kept of older ones is deleted.

    `status` says whether it was ever matched. What a job does with it now stands beside it (`workflow.progress`): `started_at` is set
    while one works on it, `failed_at` once it was given up after `tries` failures in a row. `registered` is the figure of the last
    matching.
    """

    __tablename__ = "roster"
    __table_args__ = (
        sa.CheckConstraint("(status = 'queued') = (matched_at is null)", name="matched_whole"),
        sa.CheckConstraint("registered between 0 and total and invalid >= 0", name="counts"),
        sa.CheckConstraint("processed between 0 and total and duplicates >= 0 and tries >= 0", name="progress"),
        sa.CheckConstraint("failed_at is null or (started_at is null and status = 'queued')", name="failed_rests"),
        sa.Index(None, "owner_id", "id"),
        sa.Index("ix_roster_matched", "matched_at", postgresql_where=sa.text("kind = 'organisation'")),
    )

    kind: RosterKind = Field(sa_type=text_enum(RosterKind, "kind"))
    owner_id: UUID
    status: RosterStatus = Field(default=RosterStatus.QUEUED, sa_type=text_enum(RosterStatus, "status"))
    uploaded_by: UUID = Field(foreign_key="account.id")
    total: int = Field(description="people: lines that name one, each number once")
    invalid: int = Field(description="lines with an error")
    registered: int = 0
    matched_at: datetime | None = None
    duplicates: int = Field(default=0, sa_column_kwargs=ZERO, description="lines that name somebody again")
    processed: int = Field(default=0, sa_column_kwargs=ZERO, description="how many of the waiting people have their line")
    started_at: datetime | None = None
    failed_at: datetime | None = None
    tries: int = Field(default=0, sa_column_kwargs=ZERO)


class RosterRows(SQLModel, table=True):
    """The people of a roster who wait for their lines, as one sealed JSON text; gone with the end of the job, at most a day later."""

    __tablename__ = "roster_rows"

    roster_id: UUID = Field(primary_key=True, foreign_key="roster.id")
    sealed: bytes


class RosterErrors(SQLModel, table=True):
    """What was wrong with which row of a file, as one sealed JSON text with masked names; a month old at most."""

    __tablename__ = "roster_errors"

    roster_id: UUID = Field(primary_key=True, foreign_key="roster.id")
    sealed: bytes


class RosterLine(Table, table=True):
    """One person of a roster, sealed. An enterprise's lines are gone once they are matched, an organisation's a month later.

    `follow_up` is what the secretary noted when they spoke to the person. The UNIQUE holds that nobody stands on a roster twice,
    however often a job is begun again.
    """

    __tablename__ = "roster_line"
    __table_args__ = (
        sa.UniqueConstraint("roster_id", "phone_index"),
        sa.CheckConstraint("(follow_up is null) = (followed_up_at is null)", name="follow_up_whole"),
        sa.CheckConstraint("note_sealed is null or follow_up is not null", name="note_of_follow_up"),
        sa.Index(None, "roster_id", "id"),
        sa.Index(None, "phone_index"),
        sa.Index(None, "member_id", postgresql_where=sa.text("member_id is not null")),
    )

    roster_id: UUID = Field(foreign_key="roster.id")
    phone_index: bytes
    sealed: bytes = Field(description="name and number")
    extra_sealed: bytes | None = Field(default=None, description="the first day at work and the uploader's note")
    member_id: UUID | None = Field(default=None, foreign_key="account.id", description="whose number and name these are")
    follow_up: FollowUp | None = Field(default=None, sa_type=text_enum(FollowUp, "follow_up"))
    followed_up_at: datetime | None = None
    note_sealed: bytes | None = Field(default=None, description="the secretary's note to the follow-up")
