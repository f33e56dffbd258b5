"""Bodies and answers of rules, caps and dry runs."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.points.models_rules import CapCode
from app.points.schemas import ID, MOST, Amount
from app.schemas import Body, Day, Instant, Named, Out

Cap = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Ceiling = Annotated[int, Field(ge=1, le=MOST, strict=True)]
Days = Annotated[int, Field(ge=1, le=366, strict=True)]
AREA: dict[str, Any] = {"id": ID, "name": "文化路街道"}
RULE: dict[str, Any] = {
    "code": "REPORT_ACCEPTED", "version": 1, "title": "上报已受理", "points": 10, "points_max": None, "per_day": 5, "per_week": None,
    "per_month": 60, "per_year": None, "conditions": {"needs": ["photo", "place", "category"]}, "area": None, "valid_from": None,
    "valid_until": None,
}


class RuleOut(Out):
    """A version of a rule; caps count its units (awards, or hours) in a local day, week, month or year.

    It holds for what was filed from `valid_from` to `valid_until`, both included (null: without a bound), in `area` and below (null:
    everywhere). The nearest area's newest version that holds decides.
    """

    model_config = {"json_schema_extra": {"examples": [RULE]}}

    code: str
    version: int
    title: str
    points: int
    points_max: int | None
    per_day: int | None
    per_week: int | None
    per_month: int | None
    per_year: int | None
    conditions: dict[str, Any]
    area: Named | None
    valid_from: date | None
    valid_until: date | None


class RuleVersionOut(RuleOut):
    """`made_by`: the account that made it, for administrators."""

    model_config = {"json_schema_extra": {"examples": [RULE | {"made_by": None, "made_at": "2026-11-22T02:11:09Z"}]}}

    made_by: UUID | None
    made_at: Instant


class ConditionsIn(Body):
    """Keys that are left out stay as they are; null takes one away."""

    model_config = {"json_schema_extra": {"examples": [{"second_reviewer_above_per_week": 3}]}}

    needs: Annotated[list[Literal["photo", "place", "category"]], Field(max_length=3)] | None = None
    second_reviewer_above_per_week: Annotated[int, Field(ge=0, le=1_000, strict=True)] | None = None
    two_persons: bool | None = None
    geofence: bool | None = None
    once_per: Literal["lesson", "lesson_year", "community", "community_year"] | None = None
    stop_days: Days | None = None
    after: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    within_days: Days | None = None


class RuleIn(Body):
    """A new version. `area_id`: for that area and below; without it, for the whole platform. It holds from today on unless it says so.

    Caps that are left out are none; `points_max` and `conditions` that are left out stay as they are.
    """

    model_config = {"json_schema_extra": {"examples": [{"points": 10, "per_day": 5, "per_month": 60, "valid_from": "2027-01-01"}]}}

    points: Amount
    points_max: Amount | None = None
    per_day: Cap | None = None
    per_week: Cap | None = None
    per_month: Cap | None = None
    per_year: Cap | None = None
    conditions: ConditionsIn | None = None
    area_id: UUID | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None


class CapOut(Out):
    """A cap in points a local day, month and year, null for none. GLOBAL: what all rules together may credit a member.

    ADJUSTMENT_PER_MEMBER, ADJUSTMENT_PER_MAKER: what may be moved by hand for one member, and by one maker; of these every level's holds.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "code": "GLOBAL", "title": "各项积分合计上限", "version": 1, "per_day": 200, "per_month": 2000, "per_year": 12000,
                    "area": None, "valid_from": None, "valid_until": None,
                }
            ]
        }
    }

    code: CapCode
    title: str
    version: int
    per_day: int | None
    per_month: int | None
    per_year: int | None
    area: Named | None
    valid_from: date | None
    valid_until: date | None


class CapIn(Body):
    """A new version; null is no cap for that period, and must be said. `area_id`, `valid_from`, `valid_until` as with rules."""

    model_config = {"json_schema_extra": {"examples": [{"per_day": 200, "per_month": 2000, "per_year": 12000}]}}

    per_day: Ceiling | None
    per_month: Ceiling | None
    per_year: Ceiling | None
    area_id: UUID | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None


class DryRunIn(RuleIn):
    """The change, and the local days of filing to try it on; without them, the last quarter that has ended."""

    model_config = {
        "json_schema_extra": {"examples": [{"points": 20, "per_day": 3, "per_month": 60, "from": "2026-07-01", "to": "2026-09-30"}]}
    }

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")


class DryRunReason(Out):
    code: str
    events: int
    points: int


class DryRunOut(Out):
    """What the change would have made of the awards of these days: `_now` by the change, `_then` as it was. Totals only, of nobody.

    Awards that something else than a cap kept back, and those that a nearer area's own rule decides, stay as they were (`unchanged`).
    `unplaced`: awards of an earlier release whose area is not known, left out where an area was asked for. `by_reason`: what is withheld
    by the change.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "code": "REPORT_ACCEPTED", "from": "2026-07-01", "to": "2026-09-30", "events": 1200, "members": 85, "unchanged": 3,
                    "unplaced": 0, "credited_now": 21400, "credited_then": 11300, "withheld_now": 2600, "withheld_then": 700,
                    "by_reason": [{"code": "day_cap", "events": 130, "points": 2600}],
                }
            ]
        },
        "populate_by_name": True,
    }

    code: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    events: int
    members: int
    unchanged: int
    unplaced: int
    credited_now: int
    credited_then: int
    withheld_now: int
    withheld_then: int
    by_reason: list[DryRunReason]
