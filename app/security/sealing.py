"""Sealed fields (AES-256-GCM bound to their row) and keyed blind indexes (HMAC-SHA-256), by the rules of reliability.md 4.8."""

import hashlib
import hmac
import os
import struct
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.db.session import AsyncSession
from app.security.keys import KeyRing

VERSION, AES_256_GCM = 1, 1
HEAD = struct.Struct("!BBB")  # version, algorithm, length of the key id


class Unsealable(Exception):
    """The ciphertext was moved to another row, changed, or its key is gone."""


def ring(session: AsyncSession) -> KeyRing:
    """The key ring that the session carries."""
    keys: KeyRing = session.info["keys"]
    return keys


def seal(session: AsyncSession, plain: str | bytes, *, table: str, column: str, row: UUID) -> bytes:
    """version | algorithm | key id | nonce | ciphertext and tag; table, column and row are associated data."""
    masters = ring(session).field
    nonce = os.urandom(12)
    kid = masters.active.encode()
    data = plain.encode() if isinstance(plain, str) else plain
    boxed = AESGCM(masters.current("seal")).encrypt(nonce, data, _bound(table, column, row))
    return HEAD.pack(VERSION, AES_256_GCM, len(kid)) + kid + nonce + boxed


def unseal_bytes(session: AsyncSession, sealed: bytes, *, table: str, column: str, row: UUID) -> bytes:
    """Raises Unsealable."""
    _, algorithm, length = HEAD.unpack_from(sealed)
    start = HEAD.size + length
    key = ring(session).field.of("seal", sealed[HEAD.size : start].decode())
    if key is None or algorithm != AES_256_GCM:
        raise Unsealable
    try:
        return AESGCM(key).decrypt(sealed[start : start + 12], sealed[start + 12 :], _bound(table, column, row))
    except InvalidTag as error:
        raise Unsealable from error


def unseal(session: AsyncSession, sealed: bytes, *, table: str, column: str, row: UUID) -> str:
    """Raises Unsealable."""
    return unseal_bytes(session, sealed, table=table, column=column, row=row).decode()


def blind_index(session: AsyncSession, value: str, *, purpose: str) -> bytes:
    """A keyed fingerprint for equality look-ups of a normalised value. Its key is the oldest of the ring: it survives key changes."""
    masters = ring(session).field
    oldest = list(masters.keys)[-1]
    key = masters.of(f"index:{purpose}", oldest)
    assert key is not None
    return hmac.digest(key, value.encode(), hashlib.sha256)


def blind_indexes(session: AsyncSession, value: str, *, purpose: str) -> list[bytes]:
    """The fingerprints of a value under every key of the ring: look-ups ask for all of them, so that a key can be changed meanwhile."""
    masters = ring(session).field
    keys = (masters.of(f"index:{purpose}", kid) for kid in masters.keys)
    return [hmac.digest(key, value.encode(), hashlib.sha256) for key in keys if key is not None]


def sign(session_or_ring: Any, purpose: str, message: bytes, *, size: int = 16) -> bytes:
    """HMAC-SHA-256 under the active secret key, cut to `size` bytes (16 is 128 bits)."""
    keys = session_or_ring if isinstance(session_or_ring, KeyRing) else ring(session_or_ring)
    return hmac.digest(keys.secret.current(purpose), message, hashlib.sha256)[:size]


def verify_signature(session_or_ring: Any, purpose: str, message: bytes, signature: bytes) -> bool:
    """True when any key of the ring made the signature; compares in constant time."""
    keys = session_or_ring if isinstance(session_or_ring, KeyRing) else ring(session_or_ring)
    made = (hmac.digest(keys.secret.of(purpose, kid) or b"", message, hashlib.sha256) for kid in keys.secret.keys)
    return any(len(signature) >= 16 and hmac.compare_digest(full[: len(signature)], signature) for full in made)


def _bound(table: str, column: str, row: UUID) -> bytes:
    return f"{table}|{column}|{row}".encode()
