"""Bodies and answers about rosters."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from app.rosters.models import FollowUp
from app.rosters.workflow import LineState, Progress
from app.schemas import Body, Day, Instant, Note, Out

EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-00000000000a", "status": "matched", "total": 128, "processed": 128, "registered": 96,
    "not_registered": 32, "match_rate": 0.75, "invalid": 2, "duplicates": 1,
    "errors_url": "/api/v1/organisations/01933c5e-7a00-7000-8000-000000000005/roster/errors", "at": "2026-11-24T02:00:00Z",
    "matched_at": "2026-11-24T02:00:05Z",
}
PERSON: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-00000000000c", "name": "王小明", "phone": "138****8000", "state": "undeclared", "since": "2024-03-01",
    "note": "早班",
}
FOLLOWED: dict[str, Any] = {"outcome": "will_register", "note": "本周来登记", "at": "2026-11-24T03:00:00Z"}


class ErrorsFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


class RosterOut(Out):
    """A roster in figures. `total` people are on it, `processed` of them are through; beside them `invalid` rows with an error and
    `duplicates` that say again what a row before them said.

    `registered`, `not_registered`, `match_rate` (0 to 1, four digits) are null until it was matched for the first time.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    status: Progress
    total: int
    processed: int
    registered: int | None
    not_registered: int | None
    match_rate: float | None
    invalid: int
    duplicates: int
    errors_url: str | None
    at: Instant
    matched_at: Instant | None


class RosterLineOut(Out):
    """One person of an organisation's roster. `registered` is the state of that name."""

    id: UUID
    name: str
    phone: str
    registered: bool
    state: LineState
    since: Day | None
    note: str | None


class RosterLinesOut(RosterOut):
    """A Party roster with its people, page by page; the lines are deleted a month after the upload."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"items": [PERSON | {"registered": False}], "next_cursor": None}]}}

    items: list[RosterLineOut]
    next_cursor: str | None


class FollowUpOut(Out):
    """What the secretary last noted about somebody."""

    outcome: FollowUp
    note: str | None
    at: Instant


class CandidateOut(Out):
    """Somebody of a Party roster who has not registered with the organisation as a Party member (口袋党员)."""

    model_config = {"json_schema_extra": {"examples": [PERSON | {"follow_up": FOLLOWED}]}}

    id: UUID
    name: str
    phone: str
    state: LineState
    since: Day | None
    note: str | None
    follow_up: FollowUpOut | None


class FollowUpIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"outcome": "will_register", "note": "本周来登记"}]}}

    outcome: FollowUp
    note: Note | None = None


class RowErrorOut(Out):
    """A row that was not taken in: its number as a spreadsheet shows it, the name masked."""

    row: int
    name: str
    column: str
    reason: str


class RosterErrorsOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [{"items": [{"row": 7, "name": "王*", "column": "手机号", "reason": "不是有效的手机号"}]}]
        }
    }

    items: list[RowErrorOut]
