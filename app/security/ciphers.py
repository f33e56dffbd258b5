"""The two suites of sealed fields and blind indexes: AES-256-GCM with HMAC-SHA-256, and SM4-GCM with HMAC-SM3 (GB/T 32907, 32905).

Every process reads both, whichever it writes: so the setting can change while values of the other suite are still there.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from app.settings import openssl_has_sm4

NONCE, TAG = 12, 16


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """`number` is the algorithm byte of a sealed value. Keys are derived for `seal` (`size` bytes) and `index:…` (32 bytes).

    `encrypt` and `decrypt` take key, nonce, data, associated data; the tag is the end of the ciphertext. `decrypt` raises InvalidTag.
    """

    number: int
    name: str
    seal: str
    size: int
    index: str
    encrypt: Callable[[bytes, bytes, bytes, bytes], bytes]
    decrypt: Callable[[bytes, bytes, bytes, bytes], bytes]
    fingerprint: Callable[[bytes, bytes], bytes]


@lru_cache(maxsize=64)
def _aes(key: bytes) -> AESGCM:
    return AESGCM(key)


def _aes_encrypt(key: bytes, nonce: bytes, data: bytes, bound: bytes) -> bytes:
    return _aes(key).encrypt(nonce, data, bound)


def _aes_decrypt(key: bytes, nonce: bytes, boxed: bytes, bound: bytes) -> bytes:
    return _aes(key).decrypt(nonce, boxed, bound)


def _sm4_encrypt(key: bytes, nonce: bytes, data: bytes, bound: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(bound)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def _sm4_decrypt(key: bytes, nonce: bytes, boxed: bytes, bound: bytes) -> bytes:
    if len(boxed) < TAG:
        raise InvalidTag
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, boxed[-TAG:])).decryptor()
    decryptor.authenticate_additional_data(bound)
    return decryptor.update(boxed[:-TAG]) + decryptor.finalize()


def _sha256(key: bytes, value: bytes) -> bytes:
    return hmac.digest(key, value, hashlib.sha256)


def _sm3(key: bytes, value: bytes) -> bytes:
    made = HMAC(key, hashes.SM3())
    made.update(value)
    return made.finalize()


AES = Suite(1, "aes-256-gcm", "seal", 32, "index", _aes_encrypt, _aes_decrypt, _sha256)
SM4 = Suite(2, "sm4-gcm", "seal-sm4", 16, "index-sm3", _sm4_encrypt, _sm4_decrypt, _sm3)


SUITES = {suite.name: suite for suite in (AES, SM4)}
NUMBERED = {suite.number: suite for suite in (AES, SM4)}


def available() -> tuple[Suite, ...]:
    """What this machine's OpenSSL can do: some distributions build theirs without SM4."""
    return (AES, SM4) if openssl_has_sm4() else (AES,)


def named(name: str) -> Suite:
    return SUITES[name]
