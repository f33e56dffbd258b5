"""Answers of the report loop."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.areas.schemas import PlaceOut
from app.categories.models import Severity
from app.categories.schemas import CategoryName
from app.points.schemas import AwardOutcome
from app.reports.likeness import ReasonKind
from app.reports.schemas import PLACE
from app.reports.words import LookStatus, RejectReason, RequestKind, Stage, Status, TextCheck
from app.schemas import Instant, Named, Out
from app.uploads.schemas import EXAMPLE as PHOTO
from app.uploads.schemas import PhotoOut

ID = "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a10"
AT = "2026-11-22T01:30:00Z"
NAMED: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000002", "name": "文化路社区"}
PHOTO_SHOWN = PHOTO | {"kind": "before", "checked": None}


def _example(fields: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Due(Out):
    """The limit that runs now."""

    stage: Stage
    at: Instant


class DuplicateReason(Out):
    kind: ReasonKind
    text: str


class Duplicate(Out):
    """A report that may tell of the same problem, and why; `score` of 100 sorts them."""

    model_config = _example({
        "id": ID, "number": "R20261122-000017", "distance_m": 44, "status": "accepted", "score": 55,
        "reasons": [{"kind": "place", "text": "相距约 44 米"}, {"kind": "category", "text": "类别相同"}],
    })

    id: UUID
    number: str
    distance_m: int
    status: Status
    reasons: list[DuplicateReason]
    score: int


class ReportFiled(Out):
    model_config = _example({
        "id": ID, "number": "R20261122-000017", "status": "submitted", "version": 1, "community": NAMED, "grid": None,
        "due": {"stage": "review", "at": "2026-11-22T05:30:00Z"}, "possible_duplicates": [], "allowed": ["withdraw", "amend"],
    })

    id: UUID
    number: str
    status: Status
    version: int
    community: Named
    grid: Named | None
    due: Due
    possible_duplicates: list[Duplicate]
    allowed: list[str]


ITEM: dict[str, Any] = {
    "id": ID, "number": "R20261122-000017", "status": "dispatched", "version": 3, "category": {"code": "road_hole", "name": "路面坑洞"},
    "severity": "normal", "description": "路面有坑，骑车危险", "location": PLACE, "address": None, "community": NAMED, "grid": None,
    "due": {"stage": "handle", "at": "2026-11-27T05:30:00Z"}, "overdue": False, "assignee": None, "joined_count": 0, "mine": True,
    "joined": False, "photo": PHOTO_SHOWN, "request_pending": False, "created_at": AT, "allowed": [],
}


class ReportItem(Out):
    """One line of a list. `assignee` is for staff; `mine` and `joined` say what the caller has to do with it."""

    model_config = _example(ITEM)

    id: UUID
    number: str
    status: Status
    version: int
    category: CategoryName | None
    severity: Severity
    description: str | None
    location: PlaceOut
    address: str | None
    community: Named
    grid: Named | None
    due: Due | None
    overdue: bool
    assignee: Named | None
    joined_count: int
    mine: bool
    joined: bool
    photo: PhotoOut | None
    request_pending: bool
    created_at: Instant
    allowed: list[str]


class RequestOut(Out):
    """What the assignee asks for and the reviewer has not answered."""

    id: UUID
    kind: RequestKind
    reason: str | None
    until: Instant | None
    at: Instant


class Reporter(Out):
    """What an official's duty needs of a reporter, never the account: the name in part or whole, the masked phone.

    `may_reveal`: a full value may be asked for by `POST /reports/{id}/reveal`.
    """

    alias: str
    name: str | None
    phone: str | None
    may_reveal: bool


class SecondLook(Out):
    """A verification that was drawn to be looked at by a third person."""

    status: LookStatus
    drawn_at: Instant


class Numbered(Out):
    id: UUID
    number: str


class ClaimOut(Out):
    """A reviewer is at work on it (正在审核). It holds nobody off; after `until` it is over."""

    model_config = _example({"by": {"id": ID, "name": "张审核"}, "until": AT, "mine": True})

    by: Named
    until: Instant
    mine: bool


AWARD: dict[str, Any] = {"credited": 10, "withheld": 0, "reason": None, "code": None}


class ReportOut(ReportItem):
    """One report. `reporter`, `assignee`, `unit`, `text_check` and `escalated_to` are for staff, `second_look` and `claim` for reviewers.

    `photos_withheld`: so many photos are not shown to the caller, as the content check has not passed them. `points_awarded` is what the
    caller got for it; `award` says what was credited and what was not, and why, of the caller or, for its reviewer, of its reporter.
    """

    model_config = _example({
        **ITEM, "photos": [PHOTO_SHOWN], "photos_withheld": 0, "occurred_at": None, "request": None, "reporter": None,
        "merged_into": None, "reject_reason": None, "suspended_until": None, "accepted_at": AT, "resolved_at": None, "closed_at": None,
        "rework_count": 0, "extension_count": 0,
        "reopen_count": 0, "satisfied": None, "rating": None, "points_awarded": 10, "text_check": None, "escalated_to": None,
        "second_look": None, "unit": None, "claim": None, "award": AWARD,
    })

    photos: list[PhotoOut]
    photos_withheld: int
    occurred_at: Instant | None
    request: RequestOut | None
    reporter: Reporter | None
    merged_into: Numbered | None
    reject_reason: RejectReason | None
    suspended_until: Instant | None
    accepted_at: Instant | None
    resolved_at: Instant | None
    closed_at: Instant | None
    rework_count: int
    extension_count: int
    reopen_count: int
    satisfied: bool | None
    rating: int | None
    points_awarded: int | None
    award: AwardOutcome | None
    unit: Named | None
    claim: ClaimOut | None
    text_check: TextCheck | None
    escalated_to: Named | None
    second_look: SecondLook | None


class TimelineRow(Out):
    """One step. `from` and `to` are the same where only the clock, a request or the number of reporters changed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [{
        "at": AT, "actor_role": "reviewer", "command": "accept", "from": "submitted", "to": "accepted", "note": "属实", "photos": [],
    }]})

    at: Instant
    actor_role: str
    command: str
    from_: Status | None = Field(alias="from")
    to: Status
    note: str | None
    photos: list[PhotoOut]


class NearbyReport(Out):
    """An open report of anybody. Text and photos only once it is accepted and they passed the content check."""

    model_config = _example({
        "id": ID, "category": {"code": "road_hole", "name": "路面坑洞"}, "severity": "normal", "status": "accepted", "location": PLACE,
        "distance_m": 42, "created_at": AT, "age_minutes": 95, "description": "路面有坑，骑车危险", "photos": [PHOTO_SHOWN],
    })

    id: UUID
    category: CategoryName | None
    severity: Severity
    status: Status
    location: PlaceOut
    distance_m: int
    created_at: Instant
    age_minutes: int
    description: str | None
    photos: list[PhotoOut]
