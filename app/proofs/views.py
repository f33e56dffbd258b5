"""Proofs as answers."""

from typing import Any

from app.areas.schemas import place_out
from app.db.session import AsyncSession
from app.proofs import service
from app.proofs.workflow import DUTY, Told
from app.security import typed_codes


def own(session: AsyncSession, told: Told) -> dict[str, Any]:
    base, code = session.info["public_base_url"], typed_codes.grouped(told.code)
    return _shown(session, told) | {"check_url": check_url(session, told.code), "image_url": f"{base}/api/v1/reports/proofs/{code}/image"}


def checked(session: AsyncSession, told: Told, signature: str | None) -> dict[str, Any]:
    matches = None if signature is None else service.is_signature(session, told, signature)
    return _shown(session, told) | {"valid": True, "signature_matches": matches}


def check_url(session: AsyncSession, code: str) -> str:
    return f"{session.info['public_base_url']}/p/{typed_codes.grouped(code)}"


def _shown(session: AsyncSession, told: Told) -> dict[str, Any]:
    return {
        "code": typed_codes.grouped(told.code), "stopped_at": told.stopped_at, "place": place_out(told.lng, told.lat),
        "area": told.area_name, "duty": DUTY, "issued_at": told.issued_at, "valid_until": told.valid_until,
        "signature": service.signature(session, told),
    }
