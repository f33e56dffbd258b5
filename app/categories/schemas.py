"""Answers about categories."""

from typing import Any

from pydantic import ConfigDict

from app.categories.models import Severity
from app.schemas import Out


class CategoryOut(Out):
    """A kind of problem; only those without children can be reported. `limits`: minutes and days of each stage, and whose hours count."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "code": "road_hole", "name": "路面坑洞", "severity": "normal", "points": 10,
        "limits": {"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 5, "clock": "working"}, "children": [],
    }]})

    code: str
    name: str
    severity: Severity
    points: int
    limits: dict[str, Any]
    children: list["CategoryOut"]


class CategoryName(Out):
    code: str
    name: str
