"""Rows of categories as answers."""

from collections.abc import Sequence
from typing import Any

from app.categories.models import ReportCategory


def tree(rows: Sequence[ReportCategory], parent: str | None = None) -> list[dict[str, Any]]:
    return [
        {
            "code": row.code, "name": row.name, "severity": row.severity, "points": row.points, "limits": row.limits,
            "children": tree(rows, row.code),
        }
        for row in rows
        if row.parent_code == parent
    ]
