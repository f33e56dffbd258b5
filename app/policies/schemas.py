"""Bodies and answers of policy texts."""

from typing import Any

from app.members.schemas import Version
from app.policies.models import PolicyCode
from app.schemas import Body, Day, Line, Out, Paragraphs

HEAD: dict[str, Any] = {"code": "privacy", "version": "2026-11", "title": "隐私政策", "effective_on": "2026-11-01"}
TEXT = "一、我们收集哪些信息\n\n……"


class PolicyIn(Body):
    """A new version, in effect from that local day on; today when none is given."""

    model_config = {
        "json_schema_extra": {"examples": [{"version": "2027-01", "title": "隐私政策", "text": TEXT, "effective_on": "2027-01-01"}]}
    }

    version: Version
    title: Line
    text: Paragraphs
    effective_on: Day | None = None


class PolicyBrief(Out):
    """The version of a document that is in effect."""

    code: PolicyCode
    version: str
    title: str
    effective_on: Day


class PoliciesOut(Out):
    """All documents; few enough for one page."""

    model_config = {"json_schema_extra": {"examples": [{"items": [HEAD], "next_cursor": None}]}}

    items: list[PolicyBrief]
    next_cursor: None


class VersionOut(Out):
    """One version. `current`: it is the one in effect today; those of a later day are announced."""

    version: str
    effective_on: Day
    current: bool


class PolicyOut(Out):
    """A document with its text, and all of its versions, the newest first."""

    model_config = {
        "json_schema_extra": {
            "examples": [HEAD | {"text": TEXT, "versions": [{"version": "2026-11", "effective_on": "2026-11-01", "current": True}]}]
        }
    }

    code: PolicyCode
    version: str
    title: str
    text: str
    effective_on: Day
    versions: list[VersionOut]
