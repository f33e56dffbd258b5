"""Signatures of the chain's heads: a key of its own, drawn from the secret ring. Knows no database."""

import hashlib
import hmac
from enum import StrEnum

from app.security.keys import KeyRing

BLOCK, ANCHOR = "audit-seal", "audit-anchor"
GENESIS = bytes(32)


class Judged(StrEnum):
    GOOD = "good"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # no key of this name is in the ring: nothing can be said


def sign(ring: KeyRing, purpose: str, message: bytes) -> tuple[bytes, str]:
    """The signature under the active key, and that key's name."""
    return hmac.digest(ring.secret.current(purpose), message, hashlib.sha256), ring.secret.active


def judge(ring: KeyRing, purpose: str, message: bytes, signature: bytes, kid: str) -> Judged:
    """By the key of that name only: a signature under another one is not what was written."""
    key = ring.secret.of(purpose, kid) if kid in ring.secret.keys else None
    if key is None:
        return Judged.UNKNOWN
    return Judged.GOOD if hmac.compare_digest(hmac.digest(key, message, hashlib.sha256), signature) else Judged.WRONG
