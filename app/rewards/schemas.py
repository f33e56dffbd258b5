"""Bodies and answers of rewards."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.rewards.models import LimitPeriod, RewardKind
from app.rewards.workflow import MOST_SLOTS
from app.schemas import Body, Cents, Instant, Line, Named, Note, Out
from app.stores.schemas import StoreBrief
from app.uploads.schemas import PictureOut

MOST_IN_STOCK = 100_000_000


def _distinct(items: list[Any]) -> list[Any]:
    if len(set(items)) != len(items):
        raise ValueError("不能重复")
    return items


Points = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
StoreIds = Annotated[list[UUID], Field(min_length=1, max_length=300), AfterValidator(_distinct)]
UploadIds = Annotated[list[UUID], Field(max_length=6), AfterValidator(_distinct)]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
Levels = Annotated[list[Level], Field(min_length=1), AfterValidator(_distinct), AfterValidator(sorted)]
ValidDays = Annotated[int, Field(ge=1, le=366, strict=True)]
PerDay = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {
    "name": "矿泉水一瓶", "kind": "goods", "points": 10, "per_member": {"count": 3, "period": "month"}, "per_store_per_day": 50,
    "stock_per_day": None, "levels": None, "flash": False, "valid_days": 30, "settlement_cents": 100, "opens_at": None, "closes_at": None,
}


class PerMember(Body):
    """So many live and verified orders of one member in a local day, month, year, or ever."""

    model_config = {"json_schema_extra": {"examples": [{"count": 3, "period": "month"}]}}

    count: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    period: LimitPeriod


class RewardIn(Body):
    """A new reward; without `stock` it is unlimited. `levels`: the members' levels that may order it, without them all.

    `flash`: for thousands of orders within seconds. It is counted piece by piece, up to 50,000 at a time, has no daily stock, and stays so.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"stock": 100, "store_ids": [ID + "2"]}]}}

    name: Line
    kind: RewardKind
    points: Points
    stock: Annotated[int, Field(ge=0, le=MOST_IN_STOCK, strict=True)] | None = None
    per_member: PerMember | None = None
    per_store_per_day: PerDay | None = None
    stock_per_day: PerDay | None = None
    levels: Levels | None = None
    flash: Annotated[bool, Field(strict=True)] = False
    upload_ids: UploadIds = []
    store_ids: StoreIds
    valid_days: ValidDays
    settlement_cents: Cents
    opens_at: Instant | None = None
    closes_at: Instant | None = None

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens_at and self.closes_at and self.opens_at >= self.closes_at:
            raise ValueError("开始时间应早于结束时间")
        return self

    @model_validator(mode="after")
    def _is_counted_in_pieces(self) -> Self:
        if self.flash and (self.stock is None or self.stock > MOST_SLOTS or self.stock_per_day is not None):
            raise ValueError(f"限时抢购商品须设总库存（至多 {MOST_SLOTS} 件），且不设每日库存")
        return self


NULLABLE = {"per_member", "per_store_per_day", "stock_per_day", "levels", "opens_at", "closes_at"}


class RewardPatch(Body):
    """What is given is changed, for later orders only; null lifts a limit. `stock_change` adds to or takes from what is left.

    `upload_ids` are all pictures from then on, in their order. A daily stock counts what is ordered from when it is set on.
    """

    model_config = {"json_schema_extra": {"examples": [{"paused": True}, {"stock_change": 20, "reason": "补货"}]}}

    name: Line | None = None
    kind: RewardKind | None = None
    points: Points | None = None
    per_member: PerMember | None = None
    per_store_per_day: PerDay | None = None
    stock_per_day: PerDay | None = None
    levels: Levels | None = None
    upload_ids: UploadIds | None = None
    store_ids: StoreIds | None = None
    valid_days: ValidDays | None = None
    settlement_cents: Cents | None = None
    opens_at: Instant | None = None
    closes_at: Instant | None = None
    paused: bool | None = None
    stock_change: Annotated[int, Field(ge=-MOST_IN_STOCK, le=MOST_IN_STOCK, strict=True)] | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _lifts_only_limits(self) -> Self:
        optional = NULLABLE | {"stock_change", "reason"}
        if any(getattr(self, name) is None for name in self.model_fields_set - optional):
            raise ValueError("只有限制可以清空")
        if self.stock_change == 0:
            raise ValueError("库存变化不能为零")
        return self


class RewardOut(Out):
    """One reward. `stock_left` null: unlimited; `stock_left_today` null: no daily stock. `eligible`: the caller's level may order it.

    `settlement_cents` is for its administrators only, null for everybody else.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "4", "stock_left": 97, "stock_left_today": None, "eligible": True, "photos": [], "settlement_cents": None,
                    "paused": False, "version": 1, "allowed": [],
                    "stores": [
                        {
                            "id": ID + "2", "name": "文化路便利店", "address": "文化路 1 号", "phone": "0537-3412345",
                            "location": {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": None},
                        }
                    ],
                }
            ]
        }
    }

    id: UUID
    name: str
    kind: RewardKind
    points: int
    stock_left: int | None
    stock_left_today: int | None
    per_member: PerMember | None
    per_store_per_day: int | None
    stock_per_day: int | None
    levels: list[int] | None
    eligible: bool
    flash: bool
    photos: list[PictureOut]
    stores: list[StoreBrief]
    valid_days: int
    settlement_cents: int | None
    opens_at: Instant | None
    closes_at: Instant | None
    paused: bool
    version: int
    allowed: list[str]


class StockEntryOut(Out):
    """What was put in or taken out. `by` null: noted by a release that did not keep it; `reason` null: none was given, or it was erased."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "id": ID + "8", "change": 20, "reason": "补货", "by": {"id": ID + "7", "name": "骑手 9QXT"},
                    "at": "2026-11-22T08:00:00Z",
                }
            ]
        }
    }

    id: UUID
    change: int
    reason: str | None
    by: Named | None
    at: Instant
