"""Bodies and answers about categories."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from app.categories.models import CategoryKind, ExactPlace, GuidanceMode, Severity
from app.schemas import Body, Instant, Out, Word
from app.schemas import Line as Sentence

LIMITS: dict[str, Any] = {"review_minutes": 240, "dispatch_minutes": 120, "handle_days": 5, "clock": "working"}
RULES: dict[str, Any] = {
    "name": "路面坑洞", "severity": "normal", "kind": "part", "national_code": None, "limits": LIMITS,
    "photos": {"before_min": 1, "after_min": 1}, "guidance": {"mode": "none", "text": None}, "duplicate_radius_m": 100,
    "exact_place": "everyone",
}
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
NationalCode = Annotated[str, StringConstraints(pattern=r"^\d{2,8}$")]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30, strict=True)]
Days = Annotated[int, Field(ge=1, le=90, strict=True)]
Photos = Annotated[int, Field(ge=1, le=9, strict=True)]
Points = Annotated[int, Field(ge=0, le=1000, strict=True)]
Radius = Annotated[int, Field(ge=0, le=1000, strict=True)]
Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
Position = Annotated[int, Field(ge=0, le=9999, strict=True)]
EMPTIED = {"points", "national_code"}


class LimitsIn(Body):
    """How long each stage may take; handling in minutes or in days."""

    review_minutes: Minutes
    dispatch_minutes: Minutes
    handle_minutes: Minutes | None = None
    handle_days: Days | None = None
    clock: Annotated[str, StringConstraints(pattern="^(working|calendar)$")]

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.handle_minutes is None) == (self.handle_days is None):
            raise ValueError("处理时限按分钟或按天，二者填一")
        return self


class PhotoRule(Body):
    """How many photos a report and a resolution need at least."""

    before_min: Photos = 1
    after_min: Photos = 1


class GuidanceIn(Body):
    """What the form says: `notice` shows it, `confirm` asks for a yes, `stop` ends the form there."""

    mode: GuidanceMode
    text: Annotated[Sentence, Field(max_length=120)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.mode is GuidanceMode.NONE) != (self.text is None):
            raise ValueError("提示方式为 none 时不填文字，其他方式必须填")
        return self


NOTHING_SAID = GuidanceIn(mode=GuidanceMode.NONE)


class CategoryIn(Body):
    """A new group, or a leaf of one. `points` null: what the points rule gives. `duplicate_radius_m` 0: no duplicates are looked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {**RULES, "code": "drain_blocked", "name": "下水道堵塞", "parent_code": "facilities", "points": 15},
    ]})

    code: Code
    parent_code: Code | None = None
    name: Word
    severity: Severity
    kind: CategoryKind
    national_code: NationalCode | None = None
    points: Points | None = None
    limits: LimitsIn
    photos: PhotoRule = PhotoRule()
    guidance: GuidanceIn = NOTHING_SAID
    duplicate_radius_m: Radius = 100
    duplicate_days: Days = 7
    exact_place: ExactPlace = ExactPlace.EVERYONE
    second_look_percent: Percent = 10
    position: Position = 0
    active: bool = True


class CategoryPatch(Body):
    """What is given is changed, in a new version; null gives `points` back to the rule, and empties `national_code`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"points": 15}, {"active": False}]})

    name: Word | None = None
    severity: Severity | None = None
    kind: CategoryKind | None = None
    national_code: NationalCode | None = None
    points: Points | None = None
    limits: LimitsIn | None = None
    photos: PhotoRule | None = None
    guidance: GuidanceIn | None = None
    duplicate_radius_m: Radius | None = None
    duplicate_days: Days | None = None
    exact_place: ExactPlace | None = None
    second_look_percent: Percent | None = None
    position: Position | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - EMPTIED):
            raise ValueError("只有积分和国标代码可以清空")
        return self


class PhotosOut(Out):
    before_min: int
    after_min: int


class GuidanceOut(Out):
    mode: GuidanceMode
    text: str | None


class CategoryRules(Out):
    """What a form and a list need to know of a category. `limits`: minutes and days of each stage, and whose hours count."""

    code: str
    name: str
    severity: Severity
    kind: CategoryKind
    national_code: str | None
    version: int
    limits: dict[str, Any]
    photos: PhotosOut
    guidance: GuidanceOut
    duplicate_radius_m: int
    exact_place: ExactPlace


class CategoryOut(CategoryRules):
    """A kind of problem; only those without children can be reported. `points`: what an accepted report gives where the caller works.

    Where `guidance.mode` is `stop` the form ends: a report of it is refused.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [
        {**RULES, "code": "road_hole", "version": 1, "points": 10, "children": []},
    ]})

    points: int
    children: list["CategoryOut"]


class CategoryVersionOut(CategoryRules):
    """One version as it was made. `points` null: what the points rule gives."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        **RULES, "code": "road_hole", "parent_code": "facilities", "version": 2, "points": 15, "duplicate_days": 7,
        "second_look_percent": 10, "position": 0, "active": True, "created_at": "2026-11-29T01:30:00Z",
    }]})

    parent_code: str | None
    points: int | None
    duplicate_days: int
    second_look_percent: int
    position: int
    active: bool
    created_at: Instant


class CategoryName(Out):
    code: str
    name: str
