"""The slip of a verification: what the store prints or shows, and the code at its end by which it is told from an invented one. Pure."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app import clock
from app.security.keys import KeyRing
from app.security.typed_codes import ALPHABET, READ_AS

PURPOSE = "redemption-slip"
BYTES, SYMBOLS = 10, 16  # 80 bits in Crockford's base32
LONGEST_NAME = 72  # bytes of JSON: with it and `views.LONGEST_NAME`, the longest answer of a verification stays within 1 KB


@dataclass(frozen=True, slots=True)
class Signed:
    """What the code of a slip stands for."""

    verification_id: UUID
    store_id: UUID
    number: str
    quantity: int
    verified_at: datetime

    @property
    def message(self) -> bytes:
        at = self.verified_at.astimezone(UTC).isoformat(timespec="microseconds")
        return f"{self.verification_id}|{self.store_id}|{self.number}|{self.quantity}|{at}".encode()


def text(keys: KeyRing, signed: Signed, *, store: str, reward: str, clerk: str) -> str:
    """No member and no code of the order; long names are cut, as paper is narrow."""
    at = clock.local(signed.verified_at).strftime("%Y-%m-%d %H:%M:%S")
    lines = (
        "核销凭证", f"商家：{shortened(store, LONGEST_NAME)}", f"商品：{shortened(reward, LONGEST_NAME)} × {signed.quantity}",
        f"单号：{signed.number}", f"店员：{clerk}", f"时间：{at}", f"校验码 {check_code(keys, signed)}",
    )
    return "\n".join(lines)


def check_code(keys: KeyRing, signed: Signed) -> str:
    """XXXX-XXXX-XXXX-XXXX under the active key."""
    code = _code(keys.secret.current(PURPOSE), signed)
    return "-".join(code[start : start + 4] for start in range(0, SYMBOLS, 4))


def made_by_us(keys: KeyRing, signed: Signed, shown: str) -> bool:
    """Is this the code of that verification, under any key of the ring? Read as kindly as a typed code; compared in constant time."""
    joined = "".join(shown.split())
    given = joined.upper().translate(READ_AS) if joined.isascii() else ""
    right = [hmac.compare_digest(_code(keys.secret.of(PURPOSE, kid) or b"", signed), given) for kid in keys.secret.keys]
    return any(right)


def shortened(name: str, most: int) -> str:
    """The name, or its beginning with "…" where as JSON it would have more than so many bytes."""
    if _size(name) <= most:
        return name
    kept = name
    while _size(kept + "…") > most:
        kept = kept[:-1]
    return kept + "…"


def _size(name: str) -> int:
    return len(json.dumps(name, ensure_ascii=False).encode()) - 2


def _code(key: bytes, signed: Signed) -> str:
    value = int.from_bytes(hmac.digest(key, signed.message, hashlib.sha256)[:BYTES])
    return "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(SYMBOLS)))
