"""Bodies and answers of rewards."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.rewards.models import LimitPeriod, RewardKind
from app.schemas import Body, Cents, Instant, Line, Note, Out
from app.stores.schemas import StoreBrief

MOST_IN_STOCK = 100_000_000


def _distinct(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) != len(ids):
        raise ValueError("商家不能重复")
    return ids


Points = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
StoreIds = Annotated[list[UUID], Field(min_length=1, max_length=300), AfterValidator(_distinct)]
ValidDays = Annotated[int, Field(ge=1, le=366, strict=True)]
PerDay = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
ID = "01933c5e-7a00-7000-8000-00000000000"
EXAMPLE: dict[str, Any] = {
    "name": "矿泉水一瓶", "kind": "goods", "points": 10, "per_member": {"count": 3, "period": "month"}, "per_store_per_day": 50,
    "valid_days": 30, "settlement_cents": 100, "opens_at": None, "closes_at": None,
}


class PerMember(Body):
    """So many live and verified orders of one member in a local day, month, year, or ever."""

    model_config = {"json_schema_extra": {"examples": [{"count": 3, "period": "month"}]}}

    count: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    period: LimitPeriod


class RewardIn(Body):
    """A new reward; without `stock` it is unlimited."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE | {"stock": 100, "store_ids": [ID + "2"]}]}}

    name: Line
    kind: RewardKind
    points: Points
    stock: Annotated[int, Field(ge=0, le=MOST_IN_STOCK, strict=True)] | None = None
    per_member: PerMember | None = None
    per_store_per_day: PerDay | None = None
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


NULLABLE = {"per_member", "per_store_per_day", "opens_at", "closes_at"}


class RewardPatch(Body):
    """What is given is changed, for later orders only; null lifts a limit. `stock_change` adds to or takes from what is left."""

    model_config = {"json_schema_extra": {"examples": [{"paused": True}, {"stock_change": 20, "reason": "补货"}]}}

    name: Line | None = None
    kind: RewardKind | None = None
    points: Points | None = None
    per_member: PerMember | None = None
    per_store_per_day: PerDay | None = None
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
    """One reward. `stock_left` null: unlimited. `settlement_cents` is for its administrators only, null for everybody else."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {
                    "id": ID + "4", "stock_left": 97, "settlement_cents": None, "paused": False, "version": 1, "allowed": [],
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
    per_member: PerMember | None
    per_store_per_day: int | None
    stores: list[StoreBrief]
    valid_days: int
    settlement_cents: int | None
    opens_at: Instant | None
    closes_at: Instant | None
    paused: bool
    version: int
    allowed: list[str]
