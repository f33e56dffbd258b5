"""Tables of reports. Events are append-only (a trigger refuses UPDATE and DELETE); what people wrote stands apart, erasable."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.categories.models import Severity
from app.db.base import Table, json_field, text_enum
from app.reports.words import ActorRole, LookStatus, RejectReason, RequestKind, RequestStatus, Stage, Status, TextCheck

OPEN = sa.text("ended_at is null")
# The steps of retention after the rounding of places, each with the index of the reports that still have it before them.
KEEPING = {
    "place_area_only_at": "ix_report_keep_area", "originals_dropped_at": "ix_report_keep_originals",
    "photos_dropped_at": "ix_report_keep_photos", "text_anonymised_at": "ix_report_keep_text",
    "notes_anonymised_at": "ix_report_keep_notes",
}


def _undone(column: str) -> sa.TextClause:
    """One that ended anew after a step goes through it again."""
    return sa.text(f"ended_at is not null and ({column} is null or {column} < ended_at)")


class Report(Table, table=True):
    """One report. `ended_at` is set while it is rejected, merged, withdrawn or closed: null is the one meaning of open.

    `lng` and `lat` are GCJ-02; `source_*` is what came, in the system that it came in. Description and address are sealed; an erasure
    empties them. `paused_at` stops the clock while the report is suspended. `accepted_rule` is the rule that its first acceptance paid.
    `late` says that its handling ended after its limit. The five instants after `place_rounded_at` say which steps of retention are done.
    `category_version` null beside a category is the first: filed before versions were kept.
    """

    __tablename__ = "report"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.ForeignKeyConstraint(
            ["category_code", "category_version"], ["report_category_version.category_code", "report_category_version.version"],
            name="fk_report_category_version_kept",
        ),
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
        sa.CheckConstraint("verifier_id <> resolver_id", name="verified_by_another"),
        sa.CheckConstraint("escalated_to is not null or not escalated_to_top", name="escalated"),
        sa.Index("ix_report_escalated_to", "escalated_to", "id", postgresql_where=sa.text("escalated_to is not null")),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "created_at"),
        sa.Index("ix_report_area_path", "area_path", "id", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("ix_report_open", "id", postgresql_where=OPEN),
        sa.Index(
            "ix_report_open_desk", "area_path", "status", "assignee_id", postgresql_ops={"area_path": "text_pattern_ops"},
            postgresql_include=["id", "due_at", "severity"], postgresql_where=OPEN,
        ),
        sa.Index("ix_report_open_assignee", "assignee_id", "id", postgresql_where=OPEN),
        sa.Index("ix_report_open_unit", "unit_id", "id", postgresql_where=sa.text("ended_at is null and unit_id is not null")),
        sa.Index("ix_report_open_place", "lat", "lng", postgresql_where=OPEN),
        sa.Index("ix_report_open_point", sa.text("point(lng, lat)"), postgresql_using="gist", postgresql_where=OPEN),
        sa.Index("ix_report_open_due", "due_at", postgresql_where=OPEN),
        sa.Index("ix_report_place", "lat", "lng"),
        sa.Index("ix_report_number_tail", sa.text("right(number, 6)")),
        sa.Index("ix_report_merged_into", "merged_into", postgresql_where=sa.text("merged_into is not null")),
        sa.Index(
            "ix_report_unrounded", "ended_at", postgresql_where=sa.text("ended_at is not null and place_rounded_at is null")
        ),
        *(sa.Index(index, "ended_at", postgresql_where=_undone(column)) for column, index in KEEPING.items()),
    )

    number: str = Field(max_length=20)
    member_id: UUID = Field(foreign_key="account.id")
    status: Status = Field(default=Status.SUBMITTED, sa_type=text_enum(Status, "status"))
    version: int = 1
    category_code: str | None = Field(default=None, max_length=40, foreign_key="report_category.code")
    category_version: int | None = None
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
    place_area_only_at: datetime | None = None
    originals_dropped_at: datetime | None = None
    photos_dropped_at: datetime | None = None
    text_anonymised_at: datetime | None = None
    notes_anonymised_at: datetime | None = None

    due_stage: Stage | None = Field(default=None, sa_type=text_enum(Stage, "due_stage"))
    due_at: datetime | None = None
    overdue_told_at: datetime | None = None
    paused_at: datetime | None = None
    suspended_until: datetime | None = None
    late: bool = False

    assignee_id: UUID | None = Field(default=None, foreign_key="account.id")
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    resolver_id: UUID | None = Field(default=None, foreign_key="account.id")
    verifier_id: UUID | None = Field(default=None, foreign_key="account.id")
    escalated_to: UUID | None = Field(default=None, foreign_key="area.id")
    escalated_to_top: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
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


class ReportSecondLook(Table, table=True):
    """复核: a verification that was drawn to be looked at by a third person. It holds nothing up; new work on the case lets it lapse."""

    __tablename__ = "report_second_look"
    __table_args__ = (
        sa.UniqueConstraint("event_id"),
        sa.CheckConstraint(
            "num_nulls(looked_by, looked_at) = case when status in ('passed', 'failed') then 0 else 2 end", name="looked_whole"
        ),
        sa.CheckConstraint("looked_by is null or (looked_by <> resolver_id and looked_by <> verifier_id)", name="third_person"),
        sa.Index(None, "report_id", "id"),
        sa.Index("uq_report_second_look_pending", "report_id", unique=True, postgresql_where=sa.text("status = 'pending'")),
    )

    report_id: UUID = Field(foreign_key="report.id")
    event_id: UUID = Field(foreign_key="report_event.id")
    drawn_at: datetime
    status: LookStatus = Field(default=LookStatus.PENDING, sa_type=text_enum(LookStatus, "status"))
    resolver_id: UUID = Field(foreign_key="account.id")
    verifier_id: UUID = Field(foreign_key="account.id")
    looked_by: UUID | None = Field(default=None, foreign_key="account.id")
    looked_at: datetime | None = None
    note_id: UUID | None = Field(default=None, foreign_key="report_text.id")


class ReportClaim(SQLModel, table=True):
    """正在审核: who is at work on a report's review, and until when colleagues are told so. It holds nobody off."""

    __tablename__ = "report_claim"

    report_id: UUID = Field(primary_key=True, foreign_key="report.id")
    account_id: UUID = Field(foreign_key="account.id", index=True)
    until: datetime


class ReportGram(SQLModel, table=True):
    """What a report is searched by: a keyed number for each pair of characters that stand side by side in its sealed sentences.

    Whoever has the rows but not the key sees which reports share pairs, not which these are; what is guessed from how often a pair occurs
    are the commonest words, not a name. A trigger makes the row with the report, empties it with the sentences, and sets `made_under`
    (key and cipher) to null when they changed: then it is due.
    """

    __tablename__ = "report_gram"
    __table_args__ = (
        sa.Index(None, "grams", postgresql_using="gin"),
        sa.Index("ix_report_gram_due", "report_id", postgresql_where=sa.text("made_under is null")),
    )

    report_id: UUID = Field(primary_key=True, foreign_key="report.id", ondelete="CASCADE")
    grams: list[int] = Field(default_factory=list, sa_type=ARRAY(sa.BigInteger), sa_column_kwargs={"server_default": "{}"})
    made_under: str | None = Field(default=None, max_length=40)
