"""Pure rules of categories: which points rule a severity is paid by, what a version holds, who sees an exact place."""

from collections.abc import Mapping
from typing import Any

from app.categories.models import ReportCategory, ReportCategoryVersion, Severity
from app.errors import ValidationFailed

# What a category and its versions both hold: the category shows the figures in force.
SHARED = ("name", "severity", "limits", "position", "active")


def accepted_rule(severity: Severity) -> str:
    """The points rule of an acceptance; hazards and emergencies get no closing bonus."""
    return "REPORT_ACCEPTED" if severity is Severity.NORMAL else "HAZARD_ACCEPTED"


def own_points(policy: ReportCategoryVersion | None, severity: Severity) -> int | None:
    """The figure that replaces the rule's, while a report has the severity of its category; None leaves it to the rule."""
    return policy.points if policy is not None and policy.severity is severity else None


def figure(points: int | None, severity: Severity, figures: Mapping[str, int]) -> int:
    """What an acceptance pays: the category's own amount, or that of the rule in force."""
    return figures[accepted_rule(severity)] if points is None else points


def require_group(parent: ReportCategory) -> None:
    """The tree has two levels, groups and leaves. Raises ValidationFailed."""
    if parent.parent_code is not None:
        raise ValidationFailed.of("body", "parent_code", msg="类别只分两级，上级应是大类", kind="parent")


def columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body as columns of a version: photo rule and guidance are flat there."""
    flat = {name: value for name, value in fields.items() if name not in ("photos", "guidance")}
    if "photos" in fields:
        flat |= fields["photos"]
    if "guidance" in fields:
        flat |= {f"guidance_{name}": value for name, value in fields["guidance"].items()}
    return flat
