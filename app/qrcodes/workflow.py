"""Pure rules of printed codes."""

import secrets

from app.qrcodes.models import SCENE_LENGTH, QrCode

SYMBOLS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, in small letters: nothing that a person could misread


def new_scene() -> str:
    """60 random bits: two codes never meet, and nobody finds one by trying."""
    return "".join(secrets.choice(SYMBOLS) for _ in range(SCENE_LENGTH))


def allowed(code: QrCode, *, may_issue: bool) -> list[str]:
    """The commands that a caller who may (not) issue codes of this thing may give now."""
    return ["deactivate"] if may_issue and code.active else []
