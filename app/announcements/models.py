"""Tables of announcements: the text and whom it is for, what each person was told and has read, and the totals."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum
from app.schemas import Occupation

OCCUPATIONS = ", ".join(f"'{occupation.value}'" for occupation in Occupation)


class Kind(StrEnum):
    NOTICE = "notice"
    POLICY = "policy"


class Issuer(StrEnum):
    """By which right it is published, and by which it is looked after: that of an area's administrators, or of an organisation's own
    secretaries, whose texts the area does not read.
    """

    AREA = "area"
    ORGANISATION = "organisation"


class Status(StrEnum):
    """Follows from the instants; no column holds it."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Announcement(Table, table=True):
    """One notice or policy. It is for members who work in the area or below it and fit every condition: one of the trades (null: all of
    them), and looked after by one of the organisations where it is `to_organisations`; none listed would be for nobody.

    `place` is a time-ordered id of the instant of publication, by which lists go on: what was drafted early may be published late.
    `delivered_at`: everybody has the message. It is not edited any more once it is out; it is withdrawn, and another takes its place.
    """

    __tablename__ = "announcement"
    __table_args__ = (
        sa.UniqueConstraint("place"),
        sa.CheckConstraint("(publish_at is null) = (place is null)", name="placed_when_published"),
        sa.CheckConstraint("delivered_at is null or publish_at is not null", name="delivered_after_published"),
        sa.CheckConstraint("issuer <> 'organisation' or to_organisations", name="organisations_to_their_own"),
        sa.CheckConstraint(f"occupations <@ array[{OCCUPATIONS}]::text[] and cardinality(occupations) > 0", name="occupations"),
        sa.Index(None, "area_path", "place", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(
            "ix_announcement_undelivered", "publish_at",
            postgresql_where=sa.text("publish_at is not null and withdrawn_at is null and delivered_at is null"),
        ),
    )

    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    issuer: Issuer = Field(sa_type=text_enum(Issuer, "issuer"))
    title: str = Field(max_length=60)
    body: str = Field(max_length=5000)
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    occupations: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text), nullable=True)
    to_organisations: bool = False
    publish_at: datetime | None = None
    place: UUID | None = None
    withdrawn_at: datetime | None = None
    delivered_at: datetime | None = None
    pinned_until: date | None = Field(default=None, description="the last local day on which it stands above the others")
    version: int = 1


class AnnouncementOrganisation(SQLModel, table=True):
    """One of the organisations whose people an announcement is for."""

    __tablename__ = "announcement_organisation"

    announcement_id: UUID = Field(primary_key=True, foreign_key="announcement.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id", index=True)


class AnnouncementReceipt(SQLModel, table=True):
    """That a person got the message, and that they opened the text: for that person's own list, and so that nobody is told or counted
    twice. No answer to anybody else is made of these rows.
    """

    __tablename__ = "announcement_receipt"
    __table_args__ = (sa.CheckConstraint("num_nonnulls(told_at, read_at) > 0", name="something"),)

    announcement_id: UUID = Field(primary_key=True, foreign_key="announcement.id")
    member_id: UUID = Field(primary_key=True, foreign_key="account.id", index=True)
    told_at: datetime | None = None
    read_at: datetime | None = None


class AnnouncementTally(SQLModel, table=True):
    """How many were told and how many have read. Kept apart from the receipts: an erasure that lowered a total would tell of whom."""

    __tablename__ = "announcement_tally"
    __table_args__ = (sa.CheckConstraint("told >= 0 and reads >= 0", name="counts"),)

    announcement_id: UUID = Field(primary_key=True, foreign_key="announcement.id")
    told: int = 0
    reads: int = 0
