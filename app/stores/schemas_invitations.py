"""Bodies and answers of invitations to work at a store."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.auth.roles import Role
from app.qrcodes.schemas import HOME, TYPED, TYPED_SCENE
from app.schemas import Body, Instant, Out
from app.stores.schemas import ID

StaffRole = Literal[Role.STORE_OWNER, Role.STORE_CLERK]
SHOWN: dict[str, Any] = {
    "id": ID + "5", "role": "store_clerk", "code": TYPED, "scene": TYPED_SCENE, "landing_url": f"{HOME}/s/{TYPED_SCENE}",
    "image_url": f"{HOME}/api/v1/qrcodes/{TYPED_SCENE}/image", "expires_at": "2026-11-30T02:00:00Z", "max_uses": 1, "uses": 0,
    "active": True, "created_at": "2026-11-29T02:00:00Z", "allowed": ["revoke"],
}


class StaffInvitationIn(Body):
    """A code for whoever is to work at the store: to be typed, or scanned as a picture."""

    model_config = {"json_schema_extra": {"examples": [{"role": "store_clerk", "expires_in_hours": 24, "max_uses": 1}]}}

    role: StaffRole
    expires_in_hours: Annotated[int, Field(ge=1, le=72, strict=True)] = 24
    max_uses: Annotated[int, Field(ge=1, le=20, strict=True)] = 1


class StaffCodeIn(Body):
    """What was typed, or what the picture holds: one of the two."""

    model_config = {"json_schema_extra": {"examples": [{"code": TYPED}, {"scene": TYPED_SCENE}]}}

    code: Annotated[str, StringConstraints(max_length=64)] | None = None
    scene: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,32}$")] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.code is None) == (self.scene is None):
            raise ValueError("请提供邀请码或扫码得到的场景值，二者选一")
        return self


class StaffInvitationOut(Out):
    """One invitation. Code, picture and links are null for who could not give this role: an owner, of one for another owner."""

    model_config = {"json_schema_extra": {"examples": [SHOWN]}}

    id: UUID
    role: StaffRole
    code: str | None
    scene: str | None
    landing_url: str | None
    image_url: str | None
    expires_at: Instant
    max_uses: int
    uses: int
    active: bool
    created_at: Instant
    allowed: list[str]
