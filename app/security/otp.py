"""Time-based one-time passwords (RFC 6238, HMAC-SHA-1, 6 digits, steps of 30 s) and recovery codes. Pure: who calls keeps the last step."""

import base64
import hashlib
import hmac
import re
import secrets
import struct
from urllib.parse import quote
from uuid import UUID

STEP_SECONDS = 30
DIGITS = 6
WINDOW = 1  # steps before and after the present one, for clocks that differ
SECRET_BYTES = 20  # RFC 4226 section 4 recommends 160 bits
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits, 16 symbols of base32
CODE = re.compile(r"[0-9]{6}", re.ASCII)
RECOVERY = re.compile(r"[A-Z2-7]{16}", re.ASCII)


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def new_recovery_codes() -> list[str]:
    """Ten codes as people copy them: XXXX-XXXX-XXXX-XXXX."""
    drawn = (base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in drawn]


def text_of(secret: bytes) -> str:
    """The secret as authenticator apps take it: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, *, issuer: str, account: str) -> str:
    """The key URI that an app reads from a QR code."""
    label = f"{quote(issuer)}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?secret={text_of(secret)}&issuer={quote(issuer)}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"


def normalise(typed: str) -> str:
    """What a person typed, without spaces and hyphens and in capitals. Everything after this compares this form only."""
    return typed.replace(" ", "").replace("-", "").upper()


def code_at(secret: bytes, step: int) -> str:
    digest = hmac.digest(secret, struct.pack("!Q", step), "sha1")
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack_from("!I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: bytes, code: str, *, at: float, last_step: int) -> int | None:
    """The step whose code this is: near `at` (seconds since 1970) and after `last_step`, so that no code works twice. None: no such step.

    `code` is normalised; other digits than ASCII's are no digits here.
    """
    if not CODE.fullmatch(code):
        return None
    present = int(at) // STEP_SECONDS
    for step in range(max(0, present - WINDOW, last_step + 1), present + WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step), code):
            return step
    return None


def recovery_hash(account_id: UUID, code: str) -> bytes:
    """What is stored of a normalised recovery code. It has 80 random bits, so a digest without a key cannot be guessed back, and outlives
    every key. The first byte tells it from the keyed hashes of the first release, which have 32."""
    return b"\x01" + hashlib.sha256(f"recovery|{account_id}|{code}".encode()).digest()


def is_recovery_code(code: str) -> bool:
    return RECOVERY.fullmatch(code) is not None
