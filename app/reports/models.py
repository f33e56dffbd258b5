"""Tables of reports. Events are append-only (a trigger refuses UPDATE and DELETE); what people wrote stands apart, erasable."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.categories.models import Severity
from app.db.base import Table, json_field, text_enum
from app.reports.words import ActorRole, RejectReason, RequestKind, RequestStatus, Stage, Status, TextCheck

OPEN = sa.text("ended_at is null")


class Report(Table, table=True):
    """One report. `ended_at` is set while it is rejected, merged, withdrawn or closed: null is the one meaning of open.

    `lng` and `lat` are GCJ-02; `source_*` is what came, where it came in another system. Description and address are sealed; an erasure
    empties them. `paused_at` stops the clock while the report is suspended. `accepted_rule` is the rule that its first acceptance paid.
    `late` says that a resolution came after its limit.
    """

    __tablename__ = "report"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.CheckConstraint("(status in ('rejected', 'merged', 'withdrawn', 'closed')) = (ended_at is not null)", name="ended"),
        sa.CheckConstraint("(status = 'merged') = (merged_into is not null) and merged_into is distinct from id", name="merged"),
        sa.CheckConstraint("(status = 'rejected') = (reject_reason is not null)", name="rejected"),
        sa.CheckConstraint("(due_stage is null) = (due_at is null)", name="due_whole"),
        sa.CheckConstraint("(status = 'suspended') = (paused_at is not null)", name="paused"),
        sa.CheckConstraint(
            "assignee_id is not null or status not in ('dispatched', 'in_progress', 'suspended', 'resolved')", name="assigned"
        ),
        sa.CheckConstraint("reopen_count between 0 and 2 and rework_count >= 0 and extension_count >= 0", name="counts"),
        sa.CheckConstraint("rating between 1 and 5", name="rating"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "created_at"),
        sa.Index("ix_report_area_path", "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("ix_report_open", "id", postgresql_where=OPEN),
        sa.Index("ix_report_open_area", "area_path", postgresql_ops={"area_path": "text_pattern_ops"}, postgresql_where=OPEN),
        sa.Index("ix_report_open_assignee", "assignee_id", "id", postgresql_where=OPEN),
        sa.Index("ix_report_open_place", "lat", "lng", postgresql_where=OPEN),
        sa.Index("ix_report_open_due", "due_at", postgresql_where=OPEN),
        sa.Index("ix_report_place", "lat", "lng"),
        sa.Index("ix_report_merged_into", "merged_into", postgresql_where=sa.text("merged_into is not null")),
        sa.Index(
            "ix_report_unrounded", "ended_at", postgresql_where=sa.text("ended_at is not null and place_rounded_at is null")
        ),
    )

    number: str = Field(max_length=20)
    member_id: UUID = Field(foreign_key="account.id")
    status: Status = Field(default=Status.SUBMITTED, sa_type=text_enum(Status, "status"))
    version: int = 1
    category_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    severity: Severity = Field(default=Severity.NORMAL, sa_type=text_enum(Severity, "severity"))
    description_sealed: bytes | None = None
    address_sealed: bytes | None = None
    text_check: TextCheck = Field(default=TextCheck.PENDING, sa_type=text_enum(TextCheck, "text_check"))
    occurred_at: datetime | None = None

    community_id: UUID = Field(foreign_key="area.id")
    grid_id: UUID | None = Field(default=None, foreign_key="area.id")
    area_path: str
    lng: float
    lat: float
    accuracy_m: float | None = None
    source_lng: float | None = None
    source_lat: float | None = None
    source_crs: str | None = Field(default=None, max_length=8)
    place_rounded_at: datetime | None = None

    due_stage: Stage | None = Field(default=None, sa_type=text_enum(Stage, "due_stage"))
    due_at: datetime | None = None
    overdue_told_at: datetime | None = None
    paused_at: datetime | None = None
    suspended_until: datetime | None = None
    late: bool = False

    assignee_id: UUID | None = Field(default=None, foreign_key="account.id")
    resolver_id: UUID | None = Field(default=None, foreign_key="account.id")
    merged_into: UUID | None = Field(default=None, foreign_key="report.id")
    reject_reason: RejectReason | None = Field(default=None, sa_type=text_enum(RejectReason, "reject_reason"))
    accepted_at: datetime | None = None
    accepted_rule: str | None = Field(default=None, max_length=32)
    dispatched_at: datetime | None = None
    resolved_at: datetime | None = None
    first_closed_at: datetime | None = None
    ended_at: datetime | None = None
    reopen_count: int = 0
    rework_count: int = 0
    extension_count: int = 0
    satisfied: bool | None = None
    rating: int | None = None


class ReportJoin(Table, table=True):
    """A further person who reported the same: joined by hand, or by a report of their own that was merged (`merged_from`)."""

    __tablename__ = "report_join"
    __table_args__ = (
        sa.UniqueConstraint("report_id", "member_id"),
        sa.CheckConstraint("rating between 1 and 5", name="rating"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "merged_from"),
    )

    report_id: UUID = Field(foreign_key="report.id")
    member_id: UUID = Field(foreign_key="account.id")
    merged_from: UUID | None = Field(default=None, foreign_key="report.id")
    satisfied: bool | None = None
    rating: int | None = None


class ReportText(Table, table=True):
    """What somebody wrote about a report: a note, a reason, a comment. Events and requests refer to it, an erasure empties it."""

    __tablename__ = "report_text"

    report_id: UUID = Field(foreign_key="report.id", index=True)
    author_id: UUID = Field(foreign_key="account.id", index=True)
    text: str | None = Field(max_length=2000)


class ReportEvent(Table, table=True):
    """One row of a timeline: who gave which command, from which state to which, with which photos. `facts` are codes and ids."""

    __tablename__ = "report_event"
    __table_args__ = (sa.Index(None, "report_id", "id"),)

    report_id: UUID = Field(foreign_key="report.id")
    command: str = Field(max_length=24)
    actor_role: ActorRole = Field(sa_type=text_enum(ActorRole, "actor_role"))
    actor_id: UUID | None = None
    from_status: Status | None = Field(default=None, sa_type=text_enum(Status, "from_status"))
    to_status: Status = Field(sa_type=text_enum(Status, "to_status"))
    note_id: UUID | None = Field(default=None, foreign_key="report_text.id")
    upload_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(sa.Uuid), sa_column_kwargs={"server_default": "{}"})
    facts: dict[str, Any] = json_field()


class ReportRequest(Table, table=True):
    """What an assignee asks of the reviewer: to suspend the work or to move its limit. One open at a time."""

    __tablename__ = "report_request"
    __table_args__ = (
        sa.Index("uq_report_request_open", "report_id", unique=True, postgresql_where=sa.text("status = 'open'")),
        sa.CheckConstraint("(status = 'open') = (decided_at is null)", name="decided"),
        sa.CheckConstraint("decided_by is null or decided_by <> asked_by", name="two_persons"),
        sa.CheckConstraint("kind = 'suspend' or until is not null", name="extend_has_until"),
    )

    report_id: UUID = Field(foreign_key="report.id", index=True)
    kind: RequestKind = Field(sa_type=text_enum(RequestKind, "kind"))
    status: RequestStatus = Field(default=RequestStatus.OPEN, sa_type=text_enum(RequestStatus, "status"))
    asked_by: UUID = Field(foreign_key="account.id")
    reason_id: UUID = Field(foreign_key="report_text.id")
    until: datetime | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
