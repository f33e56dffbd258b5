"""Answers about proofs."""

from typing import Any

from app.areas.schemas import PlaceOut
from app.proofs.workflow import DUTY
from app.schemas import Instant, Out

CODE = "7Q2M-4XRT-9B0D"
SHOWN: dict[str, Any] = {
    "code": CODE, "stopped_at": "2026-11-22T01:30:00Z",
    "place": {"lng": 116.783, "lat": 35.552, "crs": "gcj02", "accuracy_m": None}, "area": "文化路社区", "duty": DUTY,
    "issued_at": "2026-11-22T02:00:00Z", "valid_until": "2026-12-22T01:31:12Z", "signature": "5f2c8d1e0b7a4d2f9c3e6a1b8d7f0e4c",
}


class ProofShown(Out):
    """All that a proof says: when (to the minute) and roughly where its holder stopped, and for what."""

    code: str
    stopped_at: Instant
    place: PlaceOut
    area: str
    duty: str
    issued_at: Instant
    valid_until: Instant
    signature: str


class ProofOut(ProofShown):
    """The own proof, with the page that an employer can open and the picture of its address."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                SHOWN
                | {"check_url": f"https://example.com/p/{CODE}", "image_url": f"https://example.com/api/v1/reports/proofs/{CODE}/image"}
            ]
        }
    }

    check_url: str
    image_url: str


class ProofCheckOut(ProofShown):
    """A proof that holds now. `signature_matches`: is the signature that was asked about ours, over just these facts?"""

    model_config = {"json_schema_extra": {"examples": [SHOWN | {"valid": True, "signature_matches": None}]}}

    valid: bool
    signature_matches: bool | None
