"""The table of clocks: one row for each time that a report went through a stage."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, json_field, text_enum
from app.reports.words import Stage, Status

RUNNING = sa.text("ended_at is null")


class ReportClock(Table, table=True):
    """One run of one stage, from the state that began it.

    `limit` is the policy as it was then (clock, minutes, days, severity, category and its version), so that a later change of policy
    does not move a run; `{"adopted": instant}` beside them is the due time of a run that had begun before runs were kept.
    `pauses` are `{from, to, by, request_id}`, `extensions` `{at, until, by, request_id}`: ids, never words. `warn_at` is when somebody
    is to be warned next before the limit; the limit itself is `report.due_at`, which the same transaction sets. `in_time` is not known of
    a run whose end no clock saw.
    """

    __tablename__ = "report_clock"
    __table_args__ = (
        sa.Index("uq_report_clock_running", "report_id", unique=True, postgresql_where=RUNNING),
        sa.Index(None, "report_id", "id"),
        sa.Index("ix_report_clock_running_due", "due_at", "id", postgresql_where=RUNNING),
        sa.Index("ix_report_clock_warn_at", "warn_at", postgresql_where=sa.text("ended_at is null and warn_at is not null")),
        sa.CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        sa.CheckConstraint("in_time is null or ended_at is not null", name="judged_at_end"),
        sa.CheckConstraint("warned in (0, 50, 80, 100)", name="warned"),
    )

    report_id: UUID = Field(foreign_key="report.id")
    stage: Stage = Field(sa_type=text_enum(Stage, "stage"))
    state: Status = Field(sa_type=text_enum(Status, "state"))
    started_at: datetime
    ended_at: datetime | None = None
    limit: dict[str, Any] = json_field()
    due_at: datetime
    pauses: list[dict[str, Any]] = json_field(list)
    extensions: list[dict[str, Any]] = json_field(list)
    warned: int = 0
    warn_at: datetime | None = None
    in_time: bool | None = None
