"""Bodies and answers of stores and their staff."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.areas.schemas import Place, PlaceOut
from app.auth.roles import Role
from app.auth.schemas import GrantOut
from app.schemas import Body, Count, Line, Mobile, Named, Out, Phone

OPENS = r"([01]\d|2[0-3]):[0-5]\d"
CLOSES = rf"({OPENS}|24:00)"
ID = "01933c5e-7a00-7000-8000-00000000000"
PLACE = {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02"}


def _distinct(days: list[int]) -> list[int]:
    if len(set(days)) != len(days):
        raise ValueError("星期不能重复")
    return days


class Hours(Body):
    """Opening hours of some days of the week (1 is Monday); `closes` before `opens` is after midnight."""

    model_config = {"json_schema_extra": {"examples": [{"days": [1, 2, 3, 4, 5], "opens": "08:00", "closes": "22:00"}]}}

    days: Annotated[list[Annotated[int, Field(ge=1, le=7, strict=True)]], Field(min_length=1, max_length=7), AfterValidator(_distinct)]
    opens: Annotated[str, StringConstraints(pattern=rf"^{OPENS}$")]
    closes: Annotated[str, StringConstraints(pattern=rf"^{CLOSES}$")]


HoursText = Annotated[str, StringConstraints(pattern=rf"^{OPENS}-{CLOSES}$")]
AnyHours = HoursText | Annotated[list[Hours], Field(min_length=1, max_length=21)]
EXAMPLE: dict[str, Any] = {"name": "文化路便利店", "address": "文化路 1 号", "phone": "0537-3412345", "hours": "08:00-22:00"}


class StoreIn(Body):
    """A new store. `confirm_above_points`: above it, a typed code needs the rider's own yes."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "location": PLACE}]}}

    name: Line
    area_id: UUID
    location: Place
    address: Line
    phone: Phone
    hours: AnyHours
    confirm_above_points: Count | None = None


class StorePatch(Body):
    """What is given is changed; null removes the ceiling and nothing else."""

    model_config = {"json_schema_extra": {"examples": [{"hours": "07:00-23:00", "paused": False}]}}

    name: Line | None = None
    location: Place | None = None
    address: Line | None = None
    phone: Phone | None = None
    hours: AnyHours | None = None
    paused: bool | None = None
    confirm_above_points: Count | None = None

    @model_validator(mode="after")
    def _removes_only_the_ceiling(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - {"confirm_above_points"}):
            raise ValueError("只有核销确认上限可以清空")
        return self


class StoreOut(Out):
    """One store. The ceiling is shown to its administrators only; `distance_m` stands in answers about a place."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "2", "area": {"id": ID + "1", "name": "文化路社区"}, "location": PLACE | {"accuracy_m": None},
                    "paused": False, "confirm_above_points": None, "distance_m": None, "version": 1, "allowed": [],
                }
            ]
        }
    }

    id: UUID
    name: str
    area: Named
    location: PlaceOut
    address: str
    phone: str
    hours: str | list[Hours]
    paused: bool
    confirm_above_points: int | None
    distance_m: int | None
    version: int
    allowed: list[str]


class StoreBrief(Out):
    """A store as rewards and orders name it."""

    id: UUID
    name: str
    address: str
    phone: str
    location: PlaceOut


class StaffIn(Body):
    """A role at the store for whoever has, or later binds, this number."""

    model_config = {"json_schema_extra": {"examples": [{"phone": "13800138000", "role": "store_clerk"}]}}

    phone: Mobile
    role: Literal[Role.STORE_OWNER, Role.STORE_CLERK]


class StaffListOut(Out):
    """Everybody who works at a store; few enough for one page."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "items": [
                        {
                            "id": ID + "3", "role": "store_clerk", "scope_type": "store", "scope_id": ID + "2",
                            "scope_name": EXAMPLE["name"],
                            "account_id": None, "phone": "138****8000", "status": "waiting", "valid_until": "2027-11-22T08:00:00Z",
                            "granted_at": "2026-11-22T08:00:00Z",
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    }

    items: list[GrantOut]
    next_cursor: None
