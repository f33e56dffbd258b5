"""The rows of a new report, written by statements that are built once: itself with its number, then what is made with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.categories.models import Severity
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.reports import texts
from app.reports.models import Report, ReportEvent, ReportGram
from app.reports.models_clocks import ReportClock
from app.reports.words import ActorRole, Stage, Status, TextCheck
from app.security import sealing

FIXED: Mapping[str, Any] = {
    "status": Status.SUBMITTED, "version": 1, "text_check": TextCheck.PENDING, "late": False, "escalated_to_top": False, "reopen_count": 0,
    "rework_count": 0, "extension_count": 0,
}
GIVEN = (
    "id", "member_id", "category_code", "category_version", "severity", "description_sealed", "address_sealed", "occurred_at",
    "community_id", "grid_id", "area_path", "lng", "lat", "accuracy_m", "source_lng", "source_lat", "source_crs", "due_stage", "due_at",
)
ENTER = Prepared(
    sa.insert(Report)
    .values({**FIXED, "number": sa.func.next_number(sa.literal("R", sa.Text)), **{name: sa.bindparam(name) for name in GIVEN}})
    .returning(col(Report.number), col(Report.created_at))
)
# A trigger has made the row of pairs with the report; row security asks of the others whether the report is in reach.
BEGIN = Prepared(
    sa.text("""
with found_by as (
    update report_gram set grams = :grams, made_under = :made_under where report_id = :report_id
), told as (
    insert into report_event (id, report_id, command, actor_role, actor_id, to_status, upload_ids, facts)
    values (:event_id, :report_id, 'submit', :actor_role, :actor_id, :state, :upload_ids, '{}')
)
insert into report_clock (id, report_id, stage, state, started_at, "limit", due_at, pauses, extensions, warned, warn_at)
values (:clock_id, :report_id, :stage, :state, :started_at, :limit, :due_at, '[]', '[]', 0, :warn_at)""")
    .bindparams(
        *(sa.bindparam(name, type_=sa.Uuid) for name in ("report_id", "event_id", "clock_id", "actor_id")),
        *(sa.bindparam(name, type_=sa.inspect(ReportGram).columns[name].type) for name in ("grams", "made_under")),
        *(sa.bindparam(name, type_=sa.inspect(ReportEvent).columns[name].type) for name in ("actor_role", "upload_ids")),
        *(
            sa.bindparam(name, type_=sa.inspect(ReportClock).columns[name].type)
            for name in ("stage", "state", "started_at", "limit", "due_at", "warn_at")
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Run:
    """The first limit of a report."""

    stage: Stage
    started_at: datetime
    limit: Mapping[str, Any]
    due_at: datetime
    warn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entered:
    """A report that was just filed."""

    id: UUID
    number: str
    created_at: datetime
    severity: Severity
    area_path: str
    description_sealed: bytes | None
    due_stage: Stage
    due_at: datetime
    status: Status = Status.SUBMITTED
    version: int = 1


async def enter(session: AsyncSession, report_id: UUID, columns: Mapping[str, Any], run: Run) -> Entered:
    """The report under its number; `columns` are those that what was sent sets."""
    row = await ENTER.first(session, id=report_id, due_stage=run.stage, due_at=run.due_at, **columns)
    assert row is not None
    return Entered(
        report_id, row["number"], row["created_at"], columns["severity"], columns["area_path"], columns["description_sealed"], run.stage,
        run.due_at,
    )


async def begin(
    session: AsyncSession, report: Entered, run: Run, *, by: UUID, sentences: Sequence[str | None], upload_ids: Sequence[UUID]
) -> None:
    """What it is searched by, the first row of its timeline, its clock, and the audit event."""
    await BEGIN.all(
        session, report_id=report.id, grams=texts.grams_of(session, sentences), made_under=str(sealing.active(session)),
        event_id=new_id(), actor_role=ActorRole.REPORTER, actor_id=by, state=report.status, upload_ids=list(upload_ids),
        clock_id=new_id(), stage=run.stage, started_at=run.started_at, limit=run.limit, due_at=run.due_at, warn_at=run.warn_at,
    )
    await audit_service.write(
        session, "report.submit", object_kind="report", object_id=report.id, area_path=report.area_path, from_status=None,
        to_status=report.status.value,
    )
