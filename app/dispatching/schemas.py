"""Answers about who could be named for a report."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from app.schemas import Named, Out

UNIT: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000004", "name": "鼓楼街道综合执法队"}
WORKER: dict[str, Any] = {"id": "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a13", "name": "李网格"}
RULE: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000005", "why": "鼓楼街道的“路面坑洞”由鼓楼街道综合执法队负责"}


def _example(fields: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class RuleWhy(Out):
    """The routing rule that counts, and what it says."""

    id: UUID
    why: str


class Suggested(Out):
    """A grid worker who could be named, and why. `open_cases` are those in hand now."""

    id: UUID
    name: str
    reasons: list[str]
    open_cases: int
    same_grid: bool
    unit: Named | None


class Suggestions(Out):
    """Who could be named, the best first. Without a rule that fits there is no `unit`: the grid and the load decide."""

    model_config = _example({
        "unit": UNIT, "rule": RULE,
        "assignees": [
            {**WORKER, "reasons": ["属于鼓楼街道综合执法队", "负责该网格", "在办 3 件"], "open_cases": 3, "same_grid": True, "unit": UNIT}
        ],
    })

    unit: Named | None
    rule: RuleWhy | None
    assignees: list[Suggested]
