"""Bodies and answers of units and routing rules."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.categories.schemas import CategoryName
from app.schemas import Body, Day, Instant, Line, Named, Out, Phone, Word
from app.units.models import Kind

ID = "01933c5e-7a00-7000-8000-00000000000"
AREA: dict[str, Any] = {"id": ID + "1", "name": "鼓楼街道"}
UNIT: dict[str, Any] = {"name": "鼓楼街道综合执法队", "kind": "street_office", "phone": "0537-3412345"}
NAMED_UNIT: dict[str, Any] = {"id": ID + "2", "name": UNIT["name"]}

Priority = Annotated[int, Field(ge=0, le=1000, strict=True)]


class UnitIn(Body):
    """A new 责任单位 of an area. `phone` is its office's line."""

    model_config = {"json_schema_extra": {"examples": [UNIT | {"area_id": ID + "1"}]}}

    name: Line
    kind: Kind
    area_id: UUID
    phone: Phone | None = None


class UnitPatch(Body):
    """What is given is changed; null removes the phone, and nothing else. A unit that is not active gets no reports by rule."""

    model_config = {"json_schema_extra": {"examples": [{"active": False}]}}

    name: Line | None = None
    kind: Kind | None = None
    phone: Phone | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _removes_only_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - {"phone"}):
            raise ValueError("只有电话可以清空")
        return self


class UnitOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [UNIT | {"id": ID + "2", "area": AREA, "members": 6, "active": True, "version": 1, "allowed": ["update"]}]
        }
    }

    id: UUID
    name: str
    kind: Kind
    area: Named
    phone: str | None
    members: int
    active: bool
    version: int
    allowed: list[str]


class MemberIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"account_id": ID + "9"}]}}

    account_id: UUID


class MemberOut(Out):
    """A grid worker of a unit; `until` is null while they belong to it."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "3", "account_id": ID + "9", "name": "李网格", "since": "2026-11-01T01:00:00Z", "until": None,
                    "allowed": ["end"],
                }
            ]
        }
    }

    id: UUID
    account_id: UUID
    name: str
    since: Instant
    until: Instant | None
    allowed: list[str]


class RuleIn(Body):
    """Reports of a category (a leaf, a group, or any when it is left out) in the area and below go to the unit.

    From `valid_from`, today when it is left out, to `valid_until`, both included. Of several rules that fit, the deeper area counts, then
    the narrower category, then the higher priority.
    """

    model_config = {"json_schema_extra": {"examples": [{"category_code": "road_hole", "area_id": ID + "1", "unit_id": ID + "2"}]}}

    category_code: Word | None = None
    area_id: UUID
    unit_id: UUID
    priority: Priority = 0
    valid_from: Day | None = None
    valid_until: Day | None = None


class RulePatch(Body):
    """What is given is changed; null removes `valid_until`, and nothing else. What a rule is about does not change: make another one."""

    model_config = {"json_schema_extra": {"examples": [{"unit_id": ID + "2", "priority": 10}]}}

    unit_id: UUID | None = None
    priority: Priority | None = None
    valid_from: Day | None = None
    valid_until: Day | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _removes_only_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - {"valid_until"}):
            raise ValueError("只有失效日期可以清空")
        return self


class RuleOut(Out):
    """A routing rule. One that was taken back stays, not `active`, so that what was dispatched by it can be explained."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "4", "category": {"code": "road_hole", "name": "路面坑洞"}, "area": AREA, "unit": NAMED_UNIT, "priority": 0,
                    "valid_from": "2026-11-01", "valid_until": None, "active": True, "version": 1, "allowed": ["update", "delete"],
                }
            ]
        }
    }

    id: UUID
    category: CategoryName | None
    area: Named
    unit: Named
    priority: int
    valid_from: date
    valid_until: date | None
    active: bool
    version: int
    allowed: list[str]
