"""Bodies and answers of applications to become a store."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.areas.schemas import Place, PlaceOut
from app.enterprises.schemas import Uscc
from app.schemas import Body, Instant, Line, Named, Note, Out, Phone
from app.stores.models import StoreCategory
from app.stores.models_applications import Status
from app.stores.schemas import ID, PLACE, AnyHours, Hours
from app.uploads.schemas import UploadOut

TOLD: dict[str, Any] = {
    "name": "文化路便利店", "address": "文化路 1 号", "phone": "0537-3412345", "hours": "08:00-22:00", "category": "convenience",
    "uscc": "92370812MA3C4D5E66",
}
PHOTO = "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a11"
SHOWN: dict[str, Any] = TOLD | {
    "id": ID + "4", "number": "A20261129-000001", "status": "returned", "area": {"id": ID + "1", "name": "文化路社区"},
    "location": PLACE | {"accuracy_m": None}, "warnings": [], "photos": [], "applicant": None, "reason": "请补充门头照片",
    "decided_at": "2026-11-29T02:00:00Z", "store": None, "at": "2026-11-28T02:00:00Z", "version": 2, "allowed": ["update", "withdraw"],
}


def _distinct(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) != len(ids):
        raise ValueError("同一张照片只能提供一次")
    return ids


Photos = Annotated[list[UUID], Field(min_length=1, max_length=6), AfterValidator(_distinct)]


class ApplicationIn(Body):
    """A shop that wants to become a partner. `uscc_confirmed`: the licence's code is really so although its check digit is wrong."""

    model_config = {"json_schema_extra": {"examples": [TOLD | {"area_id": ID + "1", "location": PLACE, "upload_ids": [PHOTO]}]}}

    name: Line
    area_id: UUID
    location: Place
    address: Line
    phone: Phone
    hours: AnyHours
    category: StoreCategory
    uscc: Uscc
    uscc_confirmed: bool = False
    upload_ids: Photos


class ApplicationPatch(Body):
    """What is given is changed; `upload_ids` takes the place of all photos. What was returned is sent in again by this."""

    model_config = {"json_schema_extra": {"examples": [{"address": "文化路 3 号"}]}}

    name: Line | None = None
    area_id: UUID | None = None
    location: Place | None = None
    address: Line | None = None
    phone: Phone | None = None
    hours: AnyHours | None = None
    category: StoreCategory | None = None
    uscc: Uscc | None = None
    uscc_confirmed: bool | None = None
    upload_ids: Photos | None = None

    @model_validator(mode="after")
    def _removes_nothing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("申请中的内容不能清空")
        return self


class ReasonIn(Body):
    """What the applicant should mend, or why the shop does not fit."""

    model_config = {"json_schema_extra": {"examples": [{"reason": "请补充门头照片"}]}}

    reason: Note


class ApprovalIn(Body):
    """`photo_ids`: which of the application's photos everybody shall see at the store; a licence among them stays where it is."""

    model_config = {"json_schema_extra": {"examples": [{"note": "欢迎加入", "photo_ids": []}]}}

    note: Note | None = None
    photo_ids: Annotated[list[UUID], Field(max_length=6), AfterValidator(_distinct)] = []


class ApplicationOut(Out):
    """One application. Its details are null once the applicant is erased.

    `applicant` is an alias, for administrators; null in one's own. `reason` is that of the last decision.
    """

    model_config = {"json_schema_extra": {"examples": [SHOWN]}}

    id: UUID
    number: str
    status: Status
    area: Named
    category: StoreCategory
    name: str | None
    location: PlaceOut | None
    address: str | None
    phone: str | None
    hours: str | list[Hours] | None
    uscc: str | None
    warnings: list[str]
    photos: list[UploadOut]
    applicant: str | None
    reason: str | None
    decided_at: Instant | None
    store: Named | None
    at: Instant
    version: int
    allowed: list[str]
