"""Sealed fields (authenticated encryption bound to the row) and keyed blind indexes, by the rules of reliability.md 4.8.

Both are made under the active key and cipher; every key of the ring, and both suites, are read. `app/rotation` re-makes what is older.
"""

import hashlib
import hmac
import os
import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.db.session import AsyncSession
from app.security import ciphers, throttles
from app.security.ciphers import NONCE, Suite
from app.security.keys import KeyRing, MasterKeys

VERSION = 1
Open = Callable[[bytes, bytes, bytes, bytes], bytes]
HEAD = struct.Struct("!BBB")  # version, algorithm, length of the key id


class Unsealable(Exception):
    """The ciphertext was moved to another row, changed, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Under:
    """The key and the suite that made a value."""

    kid: str
    cipher: str

    def __str__(self) -> str:
        return f"{self.kid}/{self.cipher}"


def ring(session: AsyncSession) -> KeyRing:
    """The key ring that the session carries."""
    keys: KeyRing = session.info["keys"]
    return keys


def active(session: AsyncSession) -> Under:
    """What values are made under now."""
    keys = ring(session)
    return Under(keys.field.active, keys.cipher)


def seal(session: AsyncSession, plain: str | bytes, *, table: str, column: str, row: UUID) -> bytes:
    """version | algorithm | key id | nonce | ciphertext and tag; table, column and row are associated data."""
    keys, nonce = ring(session), os.urandom(NONCE)
    masters, suite, kid = keys.field, ciphers.named(keys.cipher), keys.field.active.encode()
    data = plain.encode() if isinstance(plain, str) else plain
    boxed = suite.encrypt(masters.current(suite.seal, suite.size), nonce, data, _bound(table, column, row))
    return HEAD.pack(VERSION, suite.number, len(kid)) + kid + nonce + boxed


def unseal_bytes(session: AsyncSession, sealed: bytes, *, table: str, column: str, row: UUID) -> bytes:
    """Raises Unsealable."""
    start = _head_size(sealed)
    decrypt, key = _way(ring(session).field, sealed[:start])
    try:
        return decrypt(key, sealed[start : start + NONCE], sealed[start + NONCE :], _bound(table, column, row))
    except (InvalidTag, ValueError) as error:
        raise Unsealable from error


def unseal(session: AsyncSession, sealed: bytes, *, table: str, column: str, row: UUID) -> str:
    """Raises Unsealable."""
    return unseal_bytes(session, sealed, table=table, column=column, row=row).decode()


def made_under(sealed: bytes) -> Under:
    """What the head of a sealed value says, whether or not it can be opened. Raises Unsealable for what is no sealed value."""
    suite, kid = _told(sealed[: _head_size(sealed)])
    return Under(kid, suite.name)


def blind_index(session: AsyncSession, value: str, *, purpose: str) -> bytes:
    """A keyed fingerprint of a normalised value under the active key: for writing. Look-ups ask for all of `blind_indexes`."""
    keys = ring(session)
    suite = ciphers.named(keys.cipher)
    return suite.fingerprint(keys.field.current(f"{suite.index}:{purpose}"), value.encode())


def blind_indexes(session: AsyncSession, value: str, *, purpose: str) -> list[bytes]:
    """The fingerprints of a value under every key and suite, the active one first: look-ups ask `in_` them, so that both can change."""
    return [index for _, index in indexes_by_key(session, value, purpose=purpose)]


def indexes_by_key(session: AsyncSession, value: str, *, purpose: str) -> Iterator[tuple[Under, bytes]]:
    """The same with what each was made under, one after the other. Two purposes have them in the same order."""
    masters, first = ring(session).field, ciphers.named(ring(session).cipher)
    for kid in masters.keys:
        for suite in (first, *(other for other in ciphers.available() if other is not first)):
            key = masters.of(f"{suite.index}:{purpose}", kid)
            assert key is not None
            yield Under(kid, suite.name), suite.fingerprint(key, value.encode())


def blind_numbers(session: AsyncSession, values: Iterable[str], *, purpose: str) -> list[int]:
    """The fingerprints of short values under the active key, as 63-bit numbers in order, each once: for an index of what a text holds."""
    keys = ring(session)
    suite = ciphers.named(keys.cipher)
    return _numbers(suite, keys.field.current(f"{suite.index}:{purpose}"), values)


def numbers_by_key(session: AsyncSession, values: Collection[str], *, purpose: str) -> list[list[int]]:
    """The same under every key and suite, the active ones first: look-ups ask for any of them."""
    masters, first = ring(session).field, ciphers.named(ring(session).cipher)
    suites = (first, *(other for other in ciphers.available() if other is not first))
    keyed = ((suite, masters.of(f"{suite.index}:{purpose}", kid)) for kid in masters.keys for suite in suites)
    return [_numbers(suite, key, values) for suite, key in keyed if key is not None]


def _numbers(suite: Suite, key: bytes, values: Iterable[str]) -> list[int]:
    return sorted({int.from_bytes(suite.fingerprint(key, value.encode())[:8]) >> 1 for value in values})


async def hold(session: AsyncSession, value: str, *, purpose: str) -> None:
    """Locks a value until the transaction ends: who gives it to a row, after having looked that no other row has it, holds it.

    UNIQUE(index) alone does not keep a value single while keys change: two processes whose rings begin with different keys write two
    different indexes of it. The lock has a name under every key of the ring, so two processes meet as long as their rings share one key:
    that is what lets each read the other's rows at all. Without the keys the names tell nothing.
    """
    await throttles.hold(session, *(f"{purpose}:{index.hex()}" for index in blind_indexes(session, value, purpose=purpose)))


def sign(session_or_ring: Any, purpose: str, message: bytes, *, size: int = 16) -> bytes:
    """HMAC-SHA-256 under the active secret key, cut to `size` bytes (16 is 128 bits)."""
    return signature(signing_key(session_or_ring, purpose), message, size=size)


def signing_key(session_or_ring: Any, purpose: str) -> bytes:
    """For who signs many messages."""
    keys = session_or_ring if isinstance(session_or_ring, KeyRing) else ring(session_or_ring)
    return keys.secret.current(purpose)


def signature(key: bytes, message: bytes, *, size: int = 16) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)[:size]


def verify_signature(session_or_ring: Any, purpose: str, message: bytes, signature: bytes) -> bool:
    """True when any key of the ring made the signature; compares in constant time."""
    keys = session_or_ring if isinstance(session_or_ring, KeyRing) else ring(session_or_ring)
    made = (hmac.digest(keys.secret.of(purpose, kid) or b"", message, hashlib.sha256) for kid in keys.secret.keys)
    return any(len(signature) >= 16 and hmac.compare_digest(full[: len(signature)], signature) for full in made)


def _head_size(sealed: bytes) -> int:
    """Where the nonce begins; 0 for what is no sealed value."""
    return HEAD.size + sealed[HEAD.size - 1] if len(sealed) >= HEAD.size else 0


@lru_cache(maxsize=64)
def _way(masters: MasterKeys, head: bytes) -> tuple[Open, bytes]:
    """How, and with which key, values with this head are opened: a list has many of them. Raises Unsealable."""
    suite, kid = _told(head)
    key = masters.of(suite.seal, kid, suite.size)
    if key is None or suite not in ciphers.available():
        raise Unsealable
    return suite.decrypt, key


def _told(head: bytes) -> tuple[Suite, str]:
    """The suite and the key id. Raises Unsealable."""
    try:
        version, number, _ = HEAD.unpack_from(head)
        suite = ciphers.NUMBERED[number]
        kid = head[HEAD.size :].decode()
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise Unsealable from error
    if version != VERSION or not kid:
        raise Unsealable
    return suite, kid


def _bound(table: str, column: str, row: UUID) -> bytes:
    return f"{table}|{column}|{row}".encode()
