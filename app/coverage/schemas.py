"""Bodies and answers of coverage."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.coverage.models import Duty, Topic
from app.schemas import Body, Day, Instant, Mobile, Named, Note, Out

ID = "01933c5e-7a00-7000-8000-00000000000"
ORGANISATION: dict[str, Any] = {"id": ID + "2", "name": "快递行业联合党支部"}
ENTERPRISE: dict[str, Any] = {"id": ID + "3", "name": "迅达配送有限公司"}
NOTE = "企业愿意联合组建，负责人请我们下周带材料来。"
AREA: dict[str, Any] = {"id": ID + "1", "name": "鼓楼街道"}


def _each_once(topics: list[Topic]) -> list[Topic]:
    return [topic for topic in Topic if topic in topics]


class CoverIn(Body):
    """From `since` on (today when it is left out) the organisation covers the enterprise too."""

    model_config = {"json_schema_extra": {"examples": [{"enterprise_id": ID + "3", "since": "2026-11-01"}]}}

    enterprise_id: UUID
    since: Day | None = None


class EndIn(Body):
    """`until` is the last day; today when it is left out."""

    model_config = {"json_schema_extra": {"examples": [{"until": "2026-11-30"}]}}

    until: Day | None = None


class CoverOut(Out):
    """One enterprise that an organisation covers without being its own. `until` is the last day."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "4", "organisation": ORGANISATION, "enterprise": ENTERPRISE, "since": "2026-11-01", "until": None,
                    "allowed": [],
                }
            ]
        }
    }

    id: UUID
    organisation: Named
    enterprise: Named
    since: date
    until: date | None
    allowed: list[str]


class AssignmentIn(Body):
    """Exactly one of `phone` and `account_id`. An instructor's `until` is a year from today at most, and that when it is left out."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"phone": "13800138000", "role": "instructor", "until": "2027-06-30"}, {"account_id": ID + "9", "role": "liaison"}]
        }
    }

    phone: Mobile | None = None
    account_id: UUID | None = None
    role: Duty
    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.phone is None) == (self.account_id is None):
            raise ValueError("手机号与账号只能填写一个")
        return self


class AssignmentOut(Out):
    """Somebody who looks after an organisation or enterprise. Who it is, those who have to do with it read; others read null.

    `waiting`: nobody has bound the phone yet. `until` is the last day.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "5", "role": "instructor", "account_id": ID + "9", "name": "李指导", "phone": "138****8000",
                    "waiting": False, "since": "2026-07-01", "until": "2027-06-30", "allowed": ["end"],
                }
            ]
        }
    }

    id: UUID
    role: Duty
    account_id: UUID | None
    name: str | None
    phone: str | None
    waiting: bool
    since: date
    until: date | None
    allowed: list[str]


class VisitIn(Body):
    """What a visit was about. `on` is today when it is left out."""

    model_config = {"json_schema_extra": {"examples": [{"on": "2026-11-20", "note": NOTE, "topics": ["setting_up"]}]}}

    on: Day | None = None
    note: Note
    topics: Annotated[list[Topic], Field(max_length=20), AfterValidator(_each_once)] = []


class VisitOut(Out):
    """One visit. The enterprise's contact reads the day alone. `note` is null too once its writer's account is erased."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "6", "on": "2026-11-20", "note": NOTE, "topics": ["setting_up"],
                    "by": "李指导", "created_at": "2026-11-20T09:30:00Z",
                }
            ]
        }
    }

    id: UUID
    on: date
    note: str | None
    topics: list[Topic]
    by: str | None
    created_at: Instant


class Share(Out):
    """`rate` has four digits, and is null where there is nothing to cover."""

    numerator: int
    denominator: int
    rate: float | None


class CoverageOut(Out):
    """两个覆盖 on a day. `work`: covered by an organisation, or somebody is assigned to the enterprise."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "area": AREA, "on": "2026-11-20", "organisation": {"numerator": 61, "denominator": 68, "rate": 0.8971},
                    "work": {"numerator": 68, "denominator": 68, "rate": 1.0},
                }
            ]
        }
    }

    area: Named
    on: date
    organisation: Share
    work: Share


class CoveringOut(Out):
    """An organisation that covers an enterprise, as its `own` or jointly."""

    id: UUID
    name: str
    own: bool


class AssignedOut(Out):
    id: UUID
    role: Duty
    name: str | None


class CoveredOut(Out):
    """One enterprise of the figures, and by whom it is covered on that day."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                ENTERPRISE
                | {
                    "area": AREA, "listed_on": "2025-03-01", "organisations": [ORGANISATION | {"own": False}],
                    "assigned": [{"id": ID + "5", "role": "liaison", "name": "李指导"}],
                }
            ]
        }
    }

    id: UUID
    name: str
    area: Named
    listed_on: date
    organisations: list[CoveringOut]
    assigned: list[AssignedOut]


class QuietOut(Out):
    """An enterprise that nobody has visited for 90 days."""

    id: UUID
    name: str
    last_visit_on: date | None


class TopicOut(Out):
    topic: Topic
    visits: int


VISITS: dict[str, Any] = {
    "area": AREA, "from": "2026-11-01", "to": "2026-11-30", "visits": 41, "organisations_visited": 12, "enterprises_visited": 23,
    "by_topic": [{"topic": "setting_up", "visits": 9}], "quiet_count": 1, "quiet": [ENTERPRISE | {"last_visit_on": "2026-07-02"}],
}


class VisitFigures(Out):
    """Visits of some days, in sums only: they tell about places, never about who made most.

    `quiet_count` enterprises had no visit in the 90 days before the end of `to`; `quiet` names up to 500, the longest without one first.
    """

    model_config = {"json_schema_extra": {"examples": [VISITS]}, "populate_by_name": True}

    area: Named
    first: date = Field(alias="from")
    to: date
    visits: int
    organisations_visited: int
    enterprises_visited: int
    by_topic: list[TopicOut]
    quiet_count: int
    quiet: list[QuietOut]
