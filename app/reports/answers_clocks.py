"""Answers about clocks: how the limits of a report came about, and what is past its limit."""

from uuid import UUID

from pydantic import ConfigDict, Field

from app.categories.models import Severity
from app.reports.answers import ITEM, ReportItem
from app.reports.words import Stage
from app.reports.workflow import Clock
from app.schemas import Instant, Out

ID = "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a10"


class LimitOut(Out):
    """The policy of a stage as it was when the stage began: minutes and days of working hours, or of the calendar.

    Both are null for a run that had begun before runs were kept. `category_version` is null while no category was chosen.
    """

    clock: Clock
    minutes: int | None
    days: int | None
    severity: Severity
    category_code: str | None
    category_version: int | None


class PauseOut(Out):
    """A suspension: the clock stood still. `to` is null while it does."""

    from_: Instant = Field(alias="from")
    to: Instant | None


class ExtensionOut(Out):
    at: Instant
    until: Instant
    by_request: bool


class RunOut(Out):
    """One run of a stage. `used_percent` is of the running time; above 100 the limit has passed. `in_time` is null until the end."""

    stage: Stage
    started_at: Instant
    ended_at: Instant | None
    limit: LimitOut
    pauses: list[PauseOut]
    extensions: list[ExtensionOut]
    paused: bool
    due_at: Instant
    in_time: bool | None
    used_percent: int
    explanation: list[str]


class ClockOut(Out):
    """Every run of every stage, the first one first; the last one goes on unless it has an end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "report_id": ID,
        "runs": [{
            "stage": "dispatch", "started_at": "2026-11-27T08:40:00Z", "ended_at": None,
            "limit": {
                "clock": "working", "minutes": 240, "days": 0, "severity": "normal", "category_code": "road_hole", "category_version": 1,
            },
            "pauses": [], "extensions": [], "paused": False, "due_at": "2026-11-30T03:40:00Z", "in_time": None, "used_percent": 33,
            "explanation": ["2026-11-27 16:40 受理，按 4 个工作小时计算；11-28、11-29 为周末不计；应于 2026-11-30 11:40 前派单"],
        }],
    }]})

    report_id: UUID
    runs: list[RunOut]


class OverdueItem(ReportItem):
    """A report past the limit of its stage, and by how much of that limit's own time: working minutes, or minutes of the calendar."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {**ITEM, "overdue": True, "overdue_minutes": 95, "overdue_clock": "working"},
    ]})

    overdue_minutes: int
    overdue_clock: Clock
