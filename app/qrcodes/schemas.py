"""Bodies and answers of printed codes and invitations."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.qrcodes.models import Purpose
from app.schemas import Body, Instant, Line, Mobile, Out

SCENE = "7k3m9q2x5t8v"
TYPED = "7K3M-9Q2X-5T86"
TYPED_SCENE = "7k3m9q2x5t86"
HOME = "https://xinxin.example.gov.cn"
LINK = "https://wxaurl.cn/Ab3dEf7hIjk"
ORGANISATION: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000005", "name": "兖州区快递行业党支部"}
EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000006", "purpose": "registration", "scene": SCENE, "title": "驿站海报",
    "landing_url": f"{HOME}/s/{SCENE}", "image_url": f"{HOME}/api/v1/qrcodes/{SCENE}/image", "target": ORGANISATION,
    "expires_at": "2027-11-24T02:00:00Z", "max_uses": 500, "uses": 12, "active": True, "created_at": "2026-11-24T02:00:00Z", "version": 1,
    "allowed": ["deactivate"],
}
INVITATION: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000007", "code": TYPED, "scene": TYPED_SCENE, "title": "冬季走访",
    "landing_url": f"{HOME}/s/{TYPED_SCENE}", "image_url": f"{HOME}/api/v1/qrcodes/{TYPED_SCENE}/image",
    "url_link": LINK, "url_link_until": "2026-12-24T02:00:00Z",
    "sms_text": f"【新新】{ORGANISATION['name']}邀您登记（自愿）：{LINK} 邀请码{TYPED}",
    "expires_at": "2026-12-24T02:00:00Z", "max_uses": 50, "uses": 0, "active": True, "created_at": "2026-11-24T02:00:00Z", "version": 1,
    "allowed": ["revoke"],
}
MaxUses = Annotated[int, Field(ge=1, le=100_000, strict=True)]
FewUses = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Days = Annotated[int, Field(ge=1, le=365, strict=True)]


class QrCodeIn(Body):
    """Without `expires_at` and `max_uses` a code is good until it is deactivated."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "purpose": "registration", "target_id": ORGANISATION["id"], "title": "驿站海报",
                    "expires_at": "2027-11-24T10:00:00+08:00", "max_uses": 500,
                }
            ]
        }
    }

    purpose: Purpose
    target_id: UUID
    title: Line | None = None
    expires_at: Instant | None = None
    max_uses: MaxUses | None = None


class QrCodeOut(Out):
    """A code for those who print it. `target` is null for a thing that is gone; `active`: a scan opens it now."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    purpose: Purpose
    scene: str
    landing_url: str
    image_url: str
    title: str | None
    target: dict[str, Any] | None
    expires_at: Instant | None
    max_uses: int | None
    uses: int
    active: bool
    created_at: Instant
    version: int
    allowed: list[str]


class ScannedOut(Out):
    """What the scan of a code opens: for everybody, signed in or not."""

    model_config = {
        "json_schema_extra": {"examples": [{"purpose": "registration", "scene": SCENE, "title": "驿站海报", "target": ORGANISATION}]}
    }

    purpose: Purpose
    scene: str
    title: str | None
    target: dict[str, Any]


class InvitationIn(Body):
    """`max_uses` limits how many people may register by it; without one, its days alone do. With `phone` it goes there by SMS, for one."""

    model_config = {"json_schema_extra": {"examples": [{"title": "冬季走访", "valid_days": 30, "max_uses": 50}]}}

    title: Line | None = None
    valid_days: Days = 30
    max_uses: FewUses | None = None
    phone: Mobile | None = None

    def expiry(self, now: datetime) -> datetime:
        return now + timedelta(days=self.valid_days)


class InvitationOut(Out):
    """`code` is what a person may type; `url_link` opens the mini program until `url_link_until`; `sms_text` is ready for one SMS."""

    model_config = {"json_schema_extra": {"examples": [INVITATION]}}

    id: UUID
    code: str
    scene: str
    title: str | None
    landing_url: str
    image_url: str
    url_link: str | None
    url_link_until: Instant | None
    sms_text: str
    expires_at: Instant
    max_uses: int | None
    uses: int
    active: bool
    created_at: Instant
    version: int
    allowed: list[str]
