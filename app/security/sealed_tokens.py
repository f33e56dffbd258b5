"""Short tokens that only we can read: a purpose's message, sealed under a key of the secret ring, with a random part of its own. Pure.

A signed token shows what it is about to every camera; two of these about one person have nothing in common.
"""

import base64
import binascii
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag

from app.security import ciphers
from app.security.ciphers import NONCE, TAG, Suite
from app.security.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Opened:
    """A token that we made. `once` is its random part: no two tokens share it."""

    once: bytes
    message: bytes


def make(keys: KeyRing, purpose: str, message: bytes) -> str:
    suite, once = ciphers.named(keys.cipher), os.urandom(NONCE)
    key = keys.secret.current(_derived(suite, purpose), suite.size)
    return _text(once + suite.encrypt(key, once, message, purpose.encode()))


def read(keys: KeyRing, purpose: str, token: str) -> Opened | None:
    """What we once sealed for this purpose, under any key of the ring; None for all else, and for any other spelling of the same bytes."""
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(content) < NONCE + TAG or _text(content) != token:
        return None
    for suite in ciphers.available():
        for kid in keys.secret.keys:
            message = _message(suite, keys.secret.of(_derived(suite, purpose), kid, suite.size), content, purpose)
            if message is not None:
                return Opened(content[:NONCE], message)
    return None


def _message(suite: Suite, key: bytes | None, content: bytes, purpose: str) -> bytes | None:
    try:
        return None if key is None else suite.decrypt(key, content[:NONCE], content[NONCE:], purpose.encode())
    except InvalidTag:
        return None


def _derived(suite: Suite, purpose: str) -> str:
    return f"{suite.seal}:{purpose}"


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
