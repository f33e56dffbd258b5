"""Bodies and answers of orders and of the till."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.redemptions.models import Status
from app.schemas import Body, Instant, Named, Note, Out, Token
from app.stores.schemas import StoreBrief

ID = "01933c5e-7a00-7000-8000-00000000000"
STORE: Any = {"id": ID + "2", "name": "文化路便利店"}
REWARD: Any = {"id": ID + "4", "name": "矿泉水一瓶"}
NUMBER = "D20261122-000017"
AT = "2026-11-22T08:00:00Z"
ORDER: dict[str, Any] = {
    "id": ID + "5", "number": NUMBER, "status": "issued", "code": "7K3M-9QXT-2HVD", "points": 10, "quantity": 1, "reward": REWARD,
    "stores": [
        STORE
        | {
            "address": "文化路 1 号", "phone": "0537-3412345",
            "location": {"lng": 116.783251, "lat": 35.552113, "crs": "gcj02", "accuracy_m": None},
        }
    ],
    "created_at": AT, "expires_at": "2026-12-22T16:00:00Z", "confirmed_at": None, "verified_at": None, "verified_store": None,
    "ended_at": None, "version": 1, "allowed": ["cancel", "confirm"],
}
TypedCode = Annotated[str, StringConstraints(max_length=200)]


class OrderIn(Body):
    """What is ordered."""

    model_config = {"json_schema_extra": {"examples": [{"reward_id": ID + "4", "quantity": 1}]}}

    reward_id: UUID
    quantity: Annotated[int, Field(ge=1, le=10, strict=True)] = 1


class OrderOut(Out):
    """One's own order. `code` is shown while it is `issued`; `confirm` is asked for where a store types a code above its ceiling."""

    model_config = {"json_schema_extra": {"examples": [ORDER]}}

    id: UUID
    number: str
    status: Status
    code: str | None
    points: int
    quantity: int
    reward: Named
    stores: list[StoreBrief]
    created_at: Instant
    expires_at: Instant
    confirmed_at: Instant | None
    verified_at: Instant | None
    verified_store: Named | None
    ended_at: Instant | None
    version: int
    allowed: list[str]


class TicketOut(Out):
    """What the QR holds; a new one is due before `expires_at`."""

    model_config = {"json_schema_extra": {"examples": [{"token": "dAGTPF56AHAAgAA", "expires_at": AT}]}}

    token: str
    expires_at: Instant


class TillIn(Body):
    """A code as it was typed, or the token of a QR or of a preview."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"store_id": ID + "2", "code": "7K3M-9QXT-2HVD"}, {"store_id": ID + "2", "token": "dAGTPF56AHAAgAA"}]
        }
    }

    store_id: UUID
    code: TypedCode | None = None
    token: Token | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.code is None) == (self.token is None):
            raise ValueError("请提供兑换码或二维码其中之一")
        return self


class PreviewOut(Out):
    """What a code stands for. `confirm_token` verifies it within three minutes, from this clerk only."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "reward": REWARD, "quantity": 1, "points": 10, "member": "骑手 7K3M（尾号00）", "expires_at": AT,
                    "confirm_token": "YwGTPF56AHAAgAA", "confirmation_required": False,
                }
            ]
        }
    }

    reward: Named
    quantity: int
    points: int
    member: str
    expires_at: Instant
    confirm_token: str
    confirmation_required: bool


class VerifiedOut(Out):
    """A code was used. `slip` is the text that the store prints or shows."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "verification_id": ID + "6", "redemption_id": ID + "5", "number": NUMBER, "reward": REWARD, "quantity": 1,
                    "store": STORE, "clerk": {"id": ID + "7", "name": "骑手 9QXT"}, "verified_at": AT,
                    "slip": "核销凭证\n商家：文化路便利店",
                }
            ]
        }
    }

    verification_id: UUID
    redemption_id: UUID
    number: str
    reward: Named
    quantity: int
    store: Named
    clerk: Named
    verified_at: Instant
    slip: str


class ReasonIn(Body):
    """Why."""

    model_config = {"json_schema_extra": {"examples": [{"reason": "拿错商品"}]}}

    reason: Note


class UndoneOut(Out):
    """A verification was taken back; the order is live again."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "verification_id": ID + "6", "redemption_id": ID + "5", "number": NUMBER, "status": "issued", "undone_at": AT,
                    "version": 3,
                }
            ]
        }
    }

    verification_id: UUID
    redemption_id: UUID
    number: str
    status: Status
    undone_at: Instant
    version: int


class VerificationOut(Out):
    """One line of a store's day. `cents` is for owners and administrators, null for clerks."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "verification_id": ID + "6", "redemption_id": ID + "5", "number": NUMBER, "reward": REWARD, "quantity": 1,
                    "clerk": {"id": ID + "7", "name": "骑手 9QXT"}, "verified_at": AT, "undone_at": None, "cents": 100, "allowed": ["undo"],
                }
            ]
        }
    }

    verification_id: UUID
    redemption_id: UUID
    number: str
    reward: Named
    quantity: int
    clerk: Named
    verified_at: Instant
    undone_at: Instant | None
    cents: int | None
    allowed: list[str]
