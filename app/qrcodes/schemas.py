"""Bodies and answers of printed codes."""

from typing import Any
from uuid import UUID

from app.qrcodes.models import Purpose
from app.schemas import Body, Instant, Line, Out

SCENE = "7k3m9q2x5t8v"
ORGANISATION: dict[str, Any] = {"id": "01933c5e-7a00-7000-8000-000000000005", "name": "兖州区快递行业党支部"}
EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000006", "purpose": "registration", "scene": SCENE, "title": "驿站海报",
    "landing_url": f"https://xinxin.example.gov.cn/s/{SCENE}",
    "image_url": f"https://xinxin.example.gov.cn/api/v1/qrcodes/{SCENE}/image", "target": ORGANISATION, "active": True,
    "created_at": "2026-11-24T02:00:00Z", "version": 1, "allowed": ["deactivate"],
}


class QrCodeIn(Body):
    model_config = {
        "json_schema_extra": {"examples": [{"purpose": "registration", "target_id": ORGANISATION["id"], "title": "驿站海报"}]}
    }

    purpose: Purpose
    target_id: UUID
    title: Line | None = None


class QrCodeOut(Out):
    """A code for those who print it. `target` is null for a thing that is gone."""

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    purpose: Purpose
    scene: str
    landing_url: str
    image_url: str
    title: str | None
    target: dict[str, Any] | None
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
