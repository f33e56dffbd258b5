"""Tables of check-ins to a community and of the dated appointments that follow from them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class Kind(StrEnum):
    """Who reports in."""

    MEMBER = "member"
    ENTERPRISE = "enterprise"


class Status(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class AppointedRole(StrEnum):
    """What a community appoints somebody as. It is an honour and a duty; it gives no right in this system."""

    MOBILE_GRID_MEMBER = "mobile_grid_member"
    SPECIAL_GRID_WORKER = "special_grid_worker"
    POLICY_SPEAKER = "policy_speaker"
    OPINION_COURIER = "opinion_courier"
    COMMITTEE_UNIT = "committee_unit"


class Stopped(StrEnum):
    """Why an appointment ended before its last day: taken back, or together with its check-in."""

    REVOKED = "revoked"
    ENDED = "ended"


OPEN = sa.text("status in ('pending', 'confirmed')")


class CheckIn(Table, table=True):
    """One reporting-in of a rider, or of an enterprise through its contact, to one community.

    The unique indexes are the rules that nobody has two open ones in a community, and that a rider is paid for one of them a year
    (`award_year`: the local year of the filing, set on the one that was paid). Note and reason are sealed and go with an erasure.
    """

    __tablename__ = "community_checkin"
    __table_args__ = (
        sa.CheckConstraint(
            "(member_id is not null) = (kind = 'member') and (enterprise_id is not null) = (kind = 'enterprise')", name="one_subject"
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = case when status in ('confirmed', 'rejected', 'ended') then 0 else 2 end",
            name="decided_whole",
        ),
        sa.CheckConstraint("(closed_at is null) = (status in ('pending', 'confirmed'))", name="closed_whole"),
        sa.CheckConstraint(
            "award_year is null or (kind = 'member' and status in ('confirmed', 'ended'))", name="award_of_confirmed_rider"
        ),
        sa.Index("uq_community_checkin_member", "member_id", "area_id", unique=True, postgresql_where=OPEN),
        sa.Index("uq_community_checkin_enterprise", "enterprise_id", "area_id", unique=True, postgresql_where=OPEN),
        sa.Index("uq_community_checkin_award", "member_id", "area_id", "award_year", unique=True),
        sa.Index(None, "enterprise_id", "id"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    status: Status = Field(default=Status.PENDING, sa_type=text_enum(Status, "status"))
    member_id: UUID | None = Field(default=None, foreign_key="member.id")
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    reported_by: UUID = Field(foreign_key="account.id")
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    wished_role: AppointedRole | None = Field(default=None, sa_type=text_enum(AppointedRole, "wished_role"))
    note_sealed: bytes | None = None
    reason_sealed: bytes | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
    closed_by: UUID | None = Field(default=None, foreign_key="account.id")
    closed_at: datetime | None = None
    award_year: int | None = None
    version: int = 1


class Appointment(Table, table=True):
    """One dated appointment. What the certificate says is for good (a trigger refuses to change it); it may only be stopped early.

    A trigger refuses a second one of the same role at the same time: appointments of a check-in are made under the lock of its row.
    """

    __tablename__ = "checkin_appointment"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.CheckConstraint("valid_until >= valid_from and valid_until < valid_from + interval '3 years'", name="term"),
        sa.CheckConstraint("num_nulls(stopped_at, stopped_as, stopped_by) in (0, 3)", name="stopped_whole"),
        sa.Index(None, "checkin_id", "id"),
        sa.Index(None, "valid_until", postgresql_where=sa.text("stopped_at is null and reminded_at is null")),
    )

    number: str = Field(max_length=20)
    checkin_id: UUID = Field(foreign_key="community_checkin.id")
    role: AppointedRole = Field(sa_type=text_enum(AppointedRole, "role"))
    valid_from: date
    valid_until: date = Field(description="the last local day of it")
    appointed_by: UUID = Field(foreign_key="account.id")
    qrcode_id: UUID = Field(foreign_key="qrcode.id")
    stopped_at: datetime | None = None
    stopped_as: Stopped | None = Field(default=None, sa_type=text_enum(Stopped, "stopped_as"))
    stopped_by: UUID | None = Field(default=None, foreign_key="account.id")
    reason_sealed: bytes | None = None
    reminded_at: datetime | None = None
    version: int = 1
