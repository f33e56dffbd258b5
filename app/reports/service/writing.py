"""What a command leaves behind, in one statement: the report as it is now, its clock, the claim on it, what was said, the timeline row."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstanceState
from sqlmodel import col

from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.reports.models import Report, ReportClaim, ReportEvent, ReportText
from app.reports.models_clocks import ReportClock
from app.reports.service import clocks
from app.reports.service.clocks import Lap

REPORT_ID, ACTOR_ID, NOTE_ID = (sa.bindparam(name, type_=sa.Uuid) for name in ("the_report", "the_actor", "the_note"))
RUN = ("id", "stage", "state", "started_at", "limit", "due_at", "warn_at")
EVENT = ("command", "actor_role", "from_status", "to_status", "upload_ids", "facts")


class Written(NamedTuple):
    """The timeline row, and the sentence that it refers to."""

    id: UUID
    note_id: UUID | None


async def write(
    session: AsyncSession, report: Report, *, lap: Lap | None, actor_id: UUID | None, by: UUID | None, note: str | None,
    event: Mapping[str, Any],
) -> Written:
    """`by`: whose claim stays while the report is open. `event`: the columns of the timeline row, by the names of `EVENT`."""
    changed = _taken(report)
    written = Written(new_id(), new_id() if note and actor_id is not None else None)
    await _writing(frozenset(changed), turns=lap is not None).all(
        session, the_report=report.id, the_actor=actor_id, the_note=written.note_id, the_event=written.id, said=note, by=by,
        over=report.ended_at is not None, **(_of_lap(lap) if lap else {}), **{f"event_{name}": event[name] for name in EVENT},
        **{f"new_{name}": value for name, value in changed.items()},
    )
    return written


def _of_lap(lap: Lap) -> dict[str, Any]:
    return {"lap_at": lap.at, "lap_stage": lap.stage} | {f"run_{name}": getattr(lap.run, name) if lap.run else None for name in RUN}


def _taken(report: Report) -> dict[str, Any]:
    """What was changed of the row, which the session need not write any more."""
    state: InstanceState[Report] = sa.inspect(report)
    changed = {name: value for name, before in state.committed_state.items() if (value := getattr(report, name)) != before}
    state._commit_all(state.dict, state.session.identity_map if state.session else None)
    return changed


@lru_cache
def _writing(names: frozenset[str], *, turns: bool) -> Prepared:
    """For a change of these columns: each command has a few sets of them."""
    theirs = sa.or_(sa.bindparam("over", type_=sa.Boolean), col(ReportClaim.account_id).is_distinct_from(sa.bindparam("by", type_=sa.Uuid)))
    parts = [sa.delete(ReportClaim).where(col(ReportClaim.report_id) == REPORT_ID, theirs).cte("cleared"), _said()]
    if turns:
        parts += _turning()
    if names:
        values = {name: _bound(f"new_{name}", Report, name) for name in sorted(names)}
        parts.append(sa.update(Report).where(col(Report.id) == REPORT_ID).values(values).cte("changed"))
    event = {name: _bound(f"event_{name}", ReportEvent, name) for name in EVENT}
    keys = {"id": sa.bindparam("the_event", type_=sa.Uuid), "report_id": REPORT_ID, "actor_id": ACTOR_ID, "note_id": NOTE_ID}
    return Prepared(sa.insert(ReportEvent).values({**keys, **event}).add_cte(*parts))


def _turning() -> list[sa.CTE]:
    """One run goes on at a time: the count makes the new one wait for the end of the other."""
    at, stage = sa.bindparam("lap_at", type_=sa.DateTime(timezone=True)), _bound("lap_stage", ReportClock, "stage")
    ended = clocks.ending(REPORT_ID, now=at, stage=stage).returning(col(ReportClock.id)).cte("ended")
    values = {name: _bound(f"run_{name}", ReportClock, name) for name in RUN} | {
        "report_id": REPORT_ID, "pauses": sa.literal([], JSONB), "extensions": sa.literal([], JSONB), "warned": sa.literal(0),
    }
    waits = sa.select(sa.func.count(ended.c.id)).scalar_subquery() >= 0
    row = sa.select(*(value.label(name) for name, value in values.items())).where(values["id"].is_not(None), waits)
    return [ended, sa.insert(ReportClock).from_select(list(values), row, include_defaults=False).cte("begun")]


def _said() -> sa.CTE:
    row = sa.select(NOTE_ID, REPORT_ID, ACTOR_ID, sa.bindparam("said", type_=sa.Text)).where(NOTE_ID.is_not(None))
    names = ["id", "report_id", "author_id", "text"]
    return sa.insert(ReportText).from_select(names, row, include_defaults=False).cte("said")


def _bound(name: str, table: type[Any], column: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=getattr(table, column).type)
