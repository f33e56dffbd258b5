"""Bodies and answers of stores and their staff."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.areas.schemas import Place, PlaceOut
from app.auth.roles import Role
from app.auth.schemas import GrantOut
from app.schemas import Body, Count, Day, Instant, Line, Mobile, Named, Out, Phone
from app.stores.models import StoreCategory
from app.uploads.schemas import EXAMPLE as PHOTO
from app.uploads.schemas import PictureOut

OPENS = r"([01]\d|2[0-3]):[0-5]\d"
CLOSES = rf"({OPENS}|24:00)"
ID = "01933c5e-7a00-7000-8000-00000000000"
APART = {"area_id", "location", "upload_ids", "special_days"}  # fields of a body that are no columns
PLACE = {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02"}
OPENING: dict[str, Any] = {"open": True, "until": "2026-11-30T14:00:00Z", "next": None}
CLEARABLE = {"confirm_above_points", "paused_until", "pause_note"}
LONGEST = timedelta(days=366)
SpecialNote = Annotated[Line, StringConstraints(max_length=60)]


def _distinct(days: list[int]) -> list[int]:
    if len(set(days)) != len(days):
        raise ValueError("星期不能重复")
    return days


class Hours(Body):
    """Opening hours of some days of the week (1 is Monday); `closes` before `opens` is after midnight, the same is round the clock."""

    model_config = {"json_schema_extra": {"examples": [{"days": [1, 2, 3, 4, 5], "opens": "08:00", "closes": "22:00"}]}}

    days: Annotated[list[Annotated[int, Field(ge=1, le=7, strict=True)]], Field(min_length=1, max_length=7), AfterValidator(_distinct)]
    opens: Annotated[str, StringConstraints(pattern=rf"^{OPENS}$")]
    closes: Annotated[str, StringConstraints(pattern=rf"^{CLOSES}$")]


class SpecialDay(Body):
    """Local days, both included, on which the store is closed (`closed: true`) or keeps other hours, for what begins on them."""

    model_config = {
        "json_schema_extra": {"examples": [{"from": "2027-02-05", "to": "2027-02-08", "closed": True, "note": "春节放假"}]},
        "populate_by_name": True,
    }

    starts_on: Day = Field(alias="from")
    ends_on: Day = Field(alias="to")
    closed: Literal[True] | None = None
    opens: Annotated[str, StringConstraints(pattern=rf"^{OPENS}$")] | None = None
    closes: Annotated[str, StringConstraints(pattern=rf"^{CLOSES}$")] | None = None
    note: SpecialNote | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if not timedelta() <= self.ends_on - self.starts_on <= LONGEST:
            raise ValueError("结束日期应不早于开始日期，且不超过一年")
        if (self.opens is None) != (self.closes is None) or (self.opens is None) == (self.closed is None):
            raise ValueError("应填写当日营业时间，或注明当日休息")
        return self


def _apart(days: list[SpecialDay]) -> list[SpecialDay]:
    days = sorted(days, key=lambda one: one.starts_on)
    if any(one.ends_on >= after.starts_on for one, after in pairwise(days)):
        raise ValueError("特殊日期不能重叠")
    return days


SpecialDays = Annotated[list[SpecialDay], Field(max_length=60), AfterValidator(_apart)]
UploadIds = Annotated[list[UUID], Field(max_length=9)]
HoursText = Annotated[str, StringConstraints(pattern=rf"^{OPENS}-{CLOSES}$")]
AnyHours = HoursText | Annotated[list[Hours], Field(min_length=1, max_length=21)]
EXAMPLE: dict[str, Any] = {
    "name": "文化路便利店", "category": "convenience", "address": "文化路 1 号", "phone": "0537-3412345", "hours": "08:00-22:00",
}


class StoreIn(Body):
    """A new store. `confirm_above_points`: above it, a typed code needs the rider's own yes. `upload_ids`: its photos, in this order."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"area_id": ID + "1", "location": PLACE}]}}

    name: Line
    area_id: UUID
    location: Place
    address: Line
    phone: Phone
    hours: AnyHours
    category: StoreCategory = StoreCategory.OTHER
    confirm_above_points: Count | None = None
    upload_ids: UploadIds = []
    special_days: SpecialDays = []


class StorePatch(Body):
    """What is given is changed; `upload_ids` and `special_days` take the place of the whole list. Null removes where it can.

    Its owner changes `phone`, `hours`, `special_days`, `upload_ids` and the pause; the rest is the administrators'. `paused_until` is the
    pause's last day; both it and the note go with the pause.
    """

    model_config = {"json_schema_extra": {"examples": [{"paused": True, "paused_until": "2027-02-08", "pause_note": "店主回乡过年"}]}}

    name: Line | None = None
    category: StoreCategory | None = None
    location: Place | None = None
    address: Line | None = None
    phone: Phone | None = None
    hours: AnyHours | None = None
    special_days: SpecialDays | None = None
    upload_ids: UploadIds | None = None
    paused: bool | None = None
    paused_until: Day | None = None
    pause_note: Annotated[Line, StringConstraints(max_length=120)] | None = None
    confirm_above_points: Count | None = None

    @model_validator(mode="after")
    def _removes_what_may_be_missing(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set - CLEARABLE):
            raise ValueError("只有核销确认上限、暂停截止日和暂停说明可以清空")
        return self


class OpeningOut(Out):
    """`until`: when an open store closes; `next`: when a closed one opens. Null beyond the next 31 days, or when nobody knows."""

    model_config = {"json_schema_extra": {"examples": [OPENING]}}

    open: bool
    until: Instant | None
    next: Instant | None


class SpecialDayOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [{"from": "2027-02-05", "to": "2027-02-08", "closed": True, "opens": None, "closes": None, "note": "春节放假"}]
        },
        "populate_by_name": True,
    }

    starts_on: Day = Field(alias="from")
    ends_on: Day = Field(alias="to")
    closed: bool
    opens: str | None
    closes: str | None
    note: str | None


class StoreOut(Out):
    """One store. The ceiling is shown to its administrators only; `distance_m` stands in answers about a place.

    `paused` and what goes with it: as it is today. `offered`: its rewards can be ordered, it is in the lists; false while it is paused, and
    where its contract is over. `photos`: until one has passed the content check, its owner and administrators alone see it.
    Lists show the first one, and of the coming `special_days` those of the next 31 days.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "2", "area": {"id": ID + "1", "name": "文化路社区"}, "location": PLACE | {"accuracy_m": None},
                    "paused": False, "paused_until": None, "pause_note": None, "offered": True, "opening": OPENING,
                    "special_days": [], "photos": [PHOTO], "confirm_above_points": None, "distance_m": None, "version": 1, "allowed": [],
                }
            ]
        }
    }

    id: UUID
    name: str
    category: StoreCategory
    area: Named
    location: PlaceOut
    address: str
    phone: str
    hours: str | list[Hours]
    special_days: list[SpecialDayOut]
    opening: OpeningOut
    photos: list[PictureOut]
    paused: bool
    paused_until: Day | None
    pause_note: str | None
    offered: bool
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
