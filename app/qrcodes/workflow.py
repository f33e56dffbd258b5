"""Pure rules of printed codes."""

import secrets
from datetime import datetime
from enum import StrEnum

from app.errors import InvalidTransition, ValidationFailed
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import SCENE_LENGTH, QrCode
from app.security import typed_codes

SYMBOLS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, in small letters: nothing that a person could misread


class State(StrEnum):
    """What a scan finds. All but the first are for ever."""

    ACTIVE = "active"
    REVOKED = "inactive"
    EXPIRED = "expired"
    USED_UP = "used_up"


SENTENCES = {
    State.REVOKED: QrcodeInactive.detail,
    State.EXPIRED: "该二维码已过期，请向工作人员索取新码",
    State.USED_UP: "该二维码的使用次数已满，请向工作人员索取新码",
}


def new_scene() -> str:
    """60 random bits: two codes never meet, and nobody finds one by trying."""
    return "".join(secrets.choice(SYMBOLS) for _ in range(SCENE_LENGTH))


def new_typed_scene() -> str:
    """A code that people may type, as a scene."""
    return typed_codes.draw().lower()


def state(code: QrCode, now: datetime) -> State:
    if not code.active:
        return State.REVOKED
    if code.expires_at is not None and code.expires_at <= now:
        return State.EXPIRED
    return State.USED_UP if code.max_uses is not None and code.uses >= code.max_uses else State.ACTIVE


def require_usable(code: QrCode, now: datetime) -> None:
    """Raises QrcodeInactive with the sentence that says why."""
    found = state(code, now)
    if found is not State.ACTIVE:
        raise QrcodeInactive(SENTENCES[found], reason=found.value)


def require_revocable(code: QrCode, now: datetime) -> None:
    """Raises InvalidTransition for a code that is out of use already."""
    found = state(code, now)
    if found is not State.ACTIVE:
        raise InvalidTransition(state=found.value, allowed=[])


def require_future(expires_at: datetime | None, now: datetime) -> None:
    """Raises ValidationFailed."""
    if expires_at is not None and expires_at <= now:
        raise ValidationFailed.of("body", "expires_at", msg="应晚于现在", kind="expires_at")


def allowed(code: QrCode, now: datetime, *, may_issue: bool, command: str) -> list[str]:
    """The commands that a caller who may (not) issue codes of this thing may give now."""
    return [command] if may_issue and state(code, now) is State.ACTIVE else []
