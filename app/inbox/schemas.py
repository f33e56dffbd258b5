"""Answers about the inbox: its lines and counts."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from app.reports.answers import ITEM, NAMED, ClaimOut, ReportItem
from app.reports.words import Status
from app.schemas import Named, Out

UNIT: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000004", "name": "鼓楼街道综合执法队"}


def _example(fields: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class InboxItem(ReportItem):
    """One line of an inbox. `claim` is for reviewers and administrators: the colleague who is at work on it."""

    model_config = _example({**ITEM, "mine": False, "unit": UNIT, "claim": None})

    unit: Named | None
    claim: ClaimOut | None


class AreaCount(Out):
    id: UUID
    name: str
    open: int
    overdue: int


COUNTS: dict[str, Any] = {
    "open": 12, "by_status": {"submitted": 5, "in_progress": 7}, "overdue": 2, "mine": 0, "claimed_by_me": 1, "unassigned": 0,
    "emergencies": 1, "requests": 1, "assignee_gone": 0, "by_area": [{**NAMED, "open": 12, "overdue": 2}],
}


class InboxCounts(Out):
    """The open reports of the caller's areas.

    `mine`: the caller works on it. `unassigned`: accepted or reopened, and waits for a name. `requests`: the assignee waits for an answer.
    `assignee_gone`: whoever has it in hand may not work on it any more. `by_area`: the areas right below, at most 100, the fullest first.
    """

    model_config = _example(COUNTS)

    open: int
    by_status: dict[Status, int]
    overdue: int
    mine: int
    claimed_by_me: int
    unassigned: int
    emergencies: int
    requests: int
    assignee_gone: int
    by_area: list[AreaCount]
