"""Bodies and answers of organisations."""

from typing import Any, Self
from uuid import UUID

from pydantic import model_validator

from app.organisations.models import Formation, OrganisationKind
from app.schemas import Body, Line, Named, Out, Phone

ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {"name": "快递行业流动党支部", "kind": "mobile_branch", "formation": "joint", "phone": "0537-3412345"}
EMPTIED = {"parent_id", "enterprise_id", "phone"}  # fields that null removes


class OrganisationIn(Body):
    """A new organisation. `enterprise_id`: it is that enterprise's own, and takes in its people only."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "parent_id": None, "enterprise_id": None}]}}

    name: Line
    kind: OrganisationKind
    formation: Formation
    area_id: UUID
    parent_id: UUID | None = None
    enterprise_id: UUID | None = None
    phone: Phone | None = None


class OrganisationPatch(Body):
    """What is given is changed; null removes parent, enterprise or phone. Another `area_id` moves it, with every grant on it."""

    model_config = {"json_schema_extra": {"examples": [{"phone": "0537-3412346"}]}}

    name: Line | None = None
    kind: OrganisationKind | None = None
    formation: Formation | None = None
    area_id: UUID | None = None
    parent_id: UUID | None = None
    enterprise_id: UUID | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - EMPTIED):
            raise ValueError("只有上级组织、所属企业和电话可以清空")
        return self


class OrganisationOut(Out):
    """One organisation. `allowed` are the commands that the caller may give now."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "2", "area": {"id": ID + "1", "name": "鼓楼街道"}, "parent": {"id": ID + "3", "name": "快递行业党委"},
                    "enterprise": None, "version": 1, "allowed": [],
                }
            ]
        }
    }

    id: UUID
    name: str
    kind: OrganisationKind
    formation: Formation
    area: Named
    parent: Named | None
    enterprise: Named | None
    phone: str | None
    version: int
    allowed: list[str]
