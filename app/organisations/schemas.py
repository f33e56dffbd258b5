"""Bodies and answers of organisations."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.schemas import Body, Count, Day, Line, Named, Occupation, Out, Phone, Word

ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {
    "name": "快递行业流动党支部", "kind": "mobile_branch", "formation": "joint", "phone": "0537-3412345", "trades": ["courier"],
    "founded_on": "2025-07-01", "dissolved_on": None,
}
EMPTIED = {"parent_id", "enterprise_id", "phone", "dissolved_on"}  # fields that null removes


def _each_once(trades: list[Occupation]) -> list[Occupation]:
    return [trade for trade in Occupation if trade in trades]


# A code of `GET /organisations/kinds` or `/formations`; the service knows which there are.
Code = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Trades = Annotated[list[Occupation], Field(max_length=20), AfterValidator(_each_once)]


class OrganisationIn(Body):
    """A new organisation. `enterprise_id`: it is that enterprise's own, and takes in its people only. No `trades`: for all of them."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "parent_id": None, "enterprise_id": None}]}}

    name: Line
    kind: Code
    formation: Code
    area_id: UUID
    parent_id: UUID | None = None
    enterprise_id: UUID | None = None
    phone: Phone | None = None
    trades: Trades = []
    founded_on: Day | None = Field(default=None, description="不填为今天")
    dissolved_on: Day | None = Field(default=None, description="自这一天起不再存在")


class OrganisationPatch(Body):
    """What is given is changed; null removes parent, enterprise, phone or `dissolved_on`. Another `area_id` moves it, with its grants."""

    model_config = {"json_schema_extra": {"examples": [{"phone": "0537-3412346"}, {"dissolved_on": "2026-12-31"}]}}

    name: Line | None = None
    kind: Code | None = None
    formation: Code | None = None
    area_id: UUID | None = None
    parent_id: UUID | None = None
    enterprise_id: UUID | None = None
    phone: Phone | None = None
    trades: Trades | None = None
    founded_on: Day | None = None
    dissolved_on: Day | None = None

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - EMPTIED):
            raise ValueError("只有上级组织、所属企业、电话和撤销日期可以清空")
        return self


OUT = EXAMPLE | {
    "id": ID + "2", "kind_name": "流动党员党支部", "formation_name": "企企联建", "area": {"id": ID + "1", "name": "鼓楼街道"},
    "parent": {"id": ID + "3", "name": "快递行业党委"}, "enterprise": None, "version": 1, "allowed": [],
}


class OrganisationOut(Out):
    """One organisation. `allowed` are the commands that the caller may give now."""

    model_config = {"json_schema_extra": {"examples": [OUT]}}

    id: UUID
    name: str
    kind: str
    kind_name: str
    formation: str
    formation_name: str
    area: Named
    parent: Named | None
    enterprise: Named | None
    phone: str | None
    trades: list[Occupation]
    founded_on: date
    dissolved_on: date | None
    version: int
    allowed: list[str]


class OrganisationDetail(OrganisationOut):
    """One organisation with all that stand above it, the topmost first."""

    model_config = {"json_schema_extra": {"examples": [OUT | {"ancestors": [{"id": ID + "3", "name": "快递行业党委"}]}]}}

    ancestors: list[Named]


NODE: dict[str, Any] = {
    "id": ID + "2", "name": "快递行业流动党支部", "kind": "mobile_branch", "kind_name": "流动党员党支部", "children_count": 0,
    "children": [],
}


class TreeOut(Out):
    """An organisation and those below it. Where `children_count` is more than the children shown, the tree was cut."""

    model_config = {
        "json_schema_extra": {
            "examples": [NODE | {"id": ID + "3", "name": "快递行业党委", "kind": "trade_committee", "kind_name": "行业党委",
                                 "children_count": 1, "children": [NODE]}]
        }
    }

    id: UUID
    name: str
    kind: str
    kind_name: str
    children_count: int
    children: list["TreeOut"]


KIND: dict[str, Any] = {"name": "流动党员党支部", "takes_in": True, "by_trade": False, "rank": 10, "in_force": True}


class KindIn(Body):
    """A kind as it shall be. `takes_in`: it takes in people of its area; `by_trade`: those of its trades; `rank`: the lower one first."""

    model_config = {"json_schema_extra": {"examples": [KIND]}}

    name: Word
    takes_in: bool = False
    by_trade: bool = False
    rank: Count = 100
    in_force: bool = True


class KindOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"code": "mobile_branch"} | KIND]}}

    code: str
    name: str
    takes_in: bool
    by_trade: bool
    rank: int
    in_force: bool


class FormationIn(Body):
    """A way of setting up as it shall be."""

    model_config = {"json_schema_extra": {"examples": [{"name": "企企联建", "in_force": True}]}}

    name: Word
    in_force: bool = True


class FormationOut(Out):
    model_config = {"json_schema_extra": {"examples": [{"code": "joint", "name": "企企联建", "in_force": True}]}}

    code: str
    name: str
    in_force: bool
