"""Bodies and answers of discounts, identity codes and visits."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.discounts.models import MOST_PER_DAY
from app.schemas import Body, Day, Instant, Line, Note, Occupation, Out, Token


def _distinct(words: list[Occupation]) -> list[Occupation]:
    if len(set(words)) != len(words):
        raise ValueError("职业不能重复")
    return words


Title = Annotated[Line, StringConstraints(max_length=60)]
Terms = Annotated[Note, StringConstraints(max_length=300)]
Occupations = Annotated[list[Occupation], Field(min_length=1, max_length=len(Occupation)), AfterValidator(_distinct)]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
PerDay = Annotated[int, Field(ge=1, le=MOST_PER_DAY, strict=True)]
ID = "01933c5e-7a00-7000-8000-00000000000"
AT = "2026-11-22T02:11:09Z"
TOKEN = "q3lR0m2V1r6wYt8bHn5cUe4sZk7gXa9dFj0pOi1uLv2xBw3yCq4zDm5tEr6h"
EXAMPLE: dict[str, Any] = {
    "title": "会员早餐 9 折", "terms": "凭会员码，全部早餐 9 折", "occupations": ["courier", "food_delivery"], "min_level": None,
    "starts_on": "2026-11-22", "ends_on": None, "per_member_per_day": 1,
}


class DiscountIn(Body):
    """A discount for members who show their identity code, free of points (a reward of the kind `discount` costs points).

    Without `occupations` and `min_level` it is for every member.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    title: Title
    terms: Terms
    occupations: Occupations | None = None
    min_level: Level | None = None
    starts_on: Day
    ends_on: Day | None = None
    per_member_per_day: PerDay = 1

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("结束日应不早于开始日")
        return self


NULLABLE = {"occupations", "min_level", "ends_on"}


class DiscountPatch(Body):
    """What is given is changed; null lifts whom it is for, or the end."""

    model_config = {"json_schema_extra": {"examples": [{"paused": True}]}}

    title: Title | None = None
    terms: Terms | None = None
    occupations: Occupations | None = None
    min_level: Level | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    per_member_per_day: PerDay | None = None
    paused: bool | None = None

    @model_validator(mode="after")
    def _lifts_only_conditions(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - NULLABLE):
            raise ValueError("只有适用条件和结束日可以清空")
        return self


class DiscountOut(Out):
    """A discount of a store. `running`: it is given today."""

    model_config = {
        "json_schema_extra": {
            "examples": [EXAMPLE | {"id": ID + "8", "store_id": ID + "2", "paused": False, "running": True, "version": 1, "allowed": []}]
        }
    }

    id: UUID
    store_id: UUID
    title: str
    terms: str
    occupations: list[Occupation] | None
    min_level: int | None
    starts_on: date
    ends_on: date | None
    per_member_per_day: int
    paused: bool
    running: bool
    version: int
    allowed: list[str]


class IdentityCodeOut(Out):
    """What the member's QR shows; taken once, until `expires_at`."""

    model_config = {"json_schema_extra": {"examples": [{"token": TOKEN, "expires_at": AT}]}}

    token: str
    expires_at: Instant


class VisitIn(Body):
    """A member's code, or the `confirm_token` of its scan. Without `discount_id` nothing is given."""

    model_config = {"json_schema_extra": {"examples": [{"token": TOKEN, "discount_id": ID + "8"}]}}

    token: Token
    discount_id: UUID | None = None


class OfferedOut(Out):
    """A discount as the clerk sees it for this member. `eligible`: it may be given now."""

    id: UUID
    title: str
    terms: str
    eligible: bool
    used_today: int


class VisitMadeOut(Out):
    """A discount was given. The id is the store's receipt; nothing leads from it to the member."""

    id: UUID
    at: Instant


class VisitOut(Out):
    """Who is there, by alias, and what the store gives them today. `level` is told only where one of the discounts asks for one.

    `confirm_token` gives one of the discounts within three minutes of the scan, from this clerk at this store only, once; null when one
    was given.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "member": "小哥7K3M（尾号00）", "level": None,
                    "discounts": [
                        {
                            "id": ID + "8", "title": EXAMPLE["title"], "terms": EXAMPLE["terms"], "eligible": False, "used_today": 1,
                        }
                    ],
                    "confirm_token": None, "visit": {"id": ID + "9", "at": AT},
                }
            ]
        }
    }

    member: str
    level: int | None
    discounts: list[OfferedOut]
    confirm_token: str | None
    visit: VisitMadeOut | None


class DiscountName(Out):
    id: UUID
    title: str


class VisitTotalOut(Out):
    """How often a discount was given on a local day."""

    day: date
    discount: DiscountName
    visits: int


class VisitTotalsOut(Out):
    """Totals only: who came is kept nowhere. Newest day first, all on one page; `total` is the sum of the lines."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "items": [{"day": "2026-11-22", "discount": {"id": ID + "8", "title": EXAMPLE["title"]}, "visits": 12}],
                    "next_cursor": None, "total": 12,
                }
            ]
        }
    }

    items: list[VisitTotalOut]
    next_cursor: str | None
    total: int
