"""WeChat's message push on the wire: signatures (SHA-1, as WeChat has it) and safe mode (AES-256-CBC under the EncodingAESKey)."""

import base64
import binascii
import hashlib
import hmac
import os
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
RANDOM_BYTES, LENGTH = 16, struct.Struct("!I")
PAD_BLOCK = 32  # PKCS#7 with blocks of 32, though AES itself has 16


class Undecipherable(Exception):
    """It was not sealed under our key, for our mini program, by WeChat's rules."""


def signature(*parts: str) -> str:
    """Of token, timestamp and nonce; in safe mode of the Encrypt text too."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def signed(given: str, *parts: str) -> bool:
    """Compares in constant time; `given` may be anything that a stranger sends."""
    return hmac.compare_digest(given.encode(errors="replace"), signature(*parts).encode())


def encrypt(message: bytes, *, aes_key: str, appid: str, random: bytes | None = None) -> str:
    """What WeChat does: 16 random bytes, the length, the message and the AppID, padded, encrypted, in base64."""
    plain = (random or os.urandom(RANDOM_BYTES)) + LENGTH.pack(len(message)) + message + appid.encode()
    pad = PAD_BLOCK - len(plain) % PAD_BLOCK
    encryptor = _cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def decrypt(encrypted: str, *, aes_key: str, appid: str) -> bytes:
    """The message. Check its signature first: this reveals whether a padding was right. Raises Undecipherable."""
    try:
        boxed = base64.b64decode(encrypted, validate=True)
        decryptor = _cipher(aes_key).decryptor()
        plain = decryptor.update(boxed) + decryptor.finalize()
    except (binascii.Error, ValueError):
        raise Undecipherable from None
    pad = plain[-1] if plain else 0
    if not 1 <= pad <= PAD_BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise Undecipherable
    plain = plain[:-pad]
    start = RANDOM_BYTES + LENGTH.size
    if len(plain) < start:
        raise Undecipherable
    end = start + LENGTH.unpack_from(plain, RANDOM_BYTES)[0]
    if plain[end:] != appid.encode():
        raise Undecipherable
    return plain[start:end]


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    """Raises ValueError for what is no EncodingAESKey."""
    if not AES_KEY.fullmatch(aes_key):
        raise ValueError("an EncodingAESKey is 43 characters of base64")
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def session_signature(session_key: str, message: bytes = b"") -> str:
    """How a call proves a sign-in (checkSessionKey): the key is the base64 text of session_key itself, not what it stands for."""
    return hmac.digest(session_key.encode(), message, hashlib.sha256).hex()
