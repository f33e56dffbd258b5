"""Answers about rosters."""

from typing import Any
from uuid import UUID

from app.rosters.models import RosterStatus
from app.schemas import Instant, Out

EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-00000000000a", "status": "matched", "total": 128, "invalid": 2, "registered": 96, "not_registered": 32,
    "at": "2026-11-24T02:00:00Z", "matched_at": "2026-11-24T02:00:05Z",
}


class RosterOut(Out):
    """A roster in figures: `total` people, `invalid` lines beside them; `registered` is null until the matching job has run."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    status: RosterStatus
    total: int
    invalid: int
    registered: int | None
    not_registered: int | None
    at: Instant
    matched_at: Instant | None


class RosterLineOut(Out):
    """One person of an organisation's roster."""

    name: str
    phone: str
    registered: bool


class RosterLinesOut(RosterOut):
    """A Party roster with its people, page by page; the lines are deleted a month after they were matched."""

    model_config = {
        "json_schema_extra": {
            "examples": [EXAMPLE | {"items": [{"name": "王小明", "phone": "138****8000", "registered": True}], "next_cursor": None}]
        }
    }

    items: list[RosterLineOut]
    next_cursor: str | None
