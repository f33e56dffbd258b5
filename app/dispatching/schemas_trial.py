"""Body and answer of a dry run of routing rules."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.schemas import Body, Day, Named, Out, Word
from app.units.schemas import AREA, NAMED_UNIT, Priority

NOW_UNIT: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000003", "name": "文化路社区网格队"}
LONGEST_DAYS = 366


class TrialRule(Body):
    """A rule as it would be. It takes the place of one of today's with the same area, category and priority."""

    category_code: Word | None = None
    area_id: UUID
    unit_id: UUID
    priority: Priority = 0


class DryRunIn(Body):
    """What would be if these rules were in force beside today's, `without` some of these.

    Over the reports filed from `from` to `to`, local days, both included; over the whole of last month when neither is given.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [
        {"rules": [{"category_code": "road_hole", "area_id": AREA["id"], "unit_id": NAMED_UNIT["id"], "priority": 0}]}
    ]})

    rules: Annotated[list[TrialRule], Field(max_length=100)]
    without: Annotated[list[UUID], Field(max_length=100)] = []
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if (self.first is None) != (self.last is None):
            raise ValueError("起始日与截止日应同时填写")
        if self.first is not None and self.last is not None and not 0 <= (self.last - self.first).days < LONGEST_DAYS:
            raise ValueError("截止日应不早于起始日，且跨度不超过一年")
        return self


class UnitShift(Out):
    """How many of the reports go to a unit by today's rules, and how many would."""

    unit: Named
    now: int
    then: int


class Moved(Out):
    number: str
    now: Named | None
    then: Named | None


class DryRunOut(Out):
    """`changed`: reports that would go elsewhere; `unmatched`: those that no rule would lead anywhere."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [{
        "from": "2026-10-01", "to": "2026-10-31", "cases": 412, "changed": 37, "unmatched": 120,
        "by_unit": [{"unit": NAMED_UNIT, "now": 0, "then": 37}],
        "examples": [{"number": "R20261022-000017", "now": NOW_UNIT, "then": NAMED_UNIT}],
    }]})

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    cases: int
    changed: int
    unmatched: int
    by_unit: list[UnitShift]
    examples: list[Moved]
