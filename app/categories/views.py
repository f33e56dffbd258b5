"""Rows of categories as answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.categories import workflow
from app.categories.models import ReportCategoryVersion
from app.categories.queries import Node


def tree(nodes: Sequence[Node], figures: Mapping[str, int], parent: str | None = None) -> list[dict[str, Any]]:
    """What can be reported, below its groups; `figures` are those of the points rules. A group with nothing in use is left out."""
    shown = []
    for node in nodes:
        row = node.row
        if row.parent_code != parent:
            continue
        children = tree(nodes, figures, row.category_code)
        if node.leaf or children:
            points = workflow.figure(row.points, row.severity, figures)
            shown.append(_rules(row) | {"points": points, "children": children})
    return shown


def version(row: ReportCategoryVersion) -> dict[str, Any]:
    return _rules(row) | {
        "parent_code": row.parent_code, "points": row.points, "duplicate_days": row.duplicate_days,
        "second_look_percent": row.second_look_percent, "position": row.position, "active": row.active, "created_at": row.created_at,
    }


def _rules(row: ReportCategoryVersion) -> dict[str, Any]:
    return {
        "code": row.category_code, "name": row.name, "severity": row.severity, "kind": row.kind, "national_code": row.national_code,
        "version": row.version, "limits": row.limits, "photos": {"before_min": row.before_min, "after_min": row.after_min},
        "guidance": {"mode": row.guidance_mode, "text": row.guidance_text}, "duplicate_radius_m": row.duplicate_radius_m,
        "exact_place": row.exact_place,
    }
