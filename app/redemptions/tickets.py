"""Signed tokens at the till: the rotating ticket in the rider's QR, and the clerk's token between preview and verify. Pure.

Both are short texts: kind, fields, and 128 bits of HMAC. The database's clock says how old they are; nothing is stored. Each is for one
use of its order, which its first byte says on top of the kind: the releases before this one wrote the kind alone, which is the first use,
and read any use. Only the last byte of a use's number stands there: nothing lives long enough for 256 more.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.security import sealing
from app.security.keys import KeyRing

PURPOSE = "redemption-ticket"
STEP_S = 30  # a ticket is good in its own step and in the next: 30 to 60 seconds
CONFIRMATION_S = 180
SIGNATURE = 16
USES = 256
TICKET = struct.Struct("!B16sI")  # kind and use, order, step
CONFIRMATION = struct.Struct("!B16s16s16s?Q")  # kind and use, order, store, clerk, typed, second of the preview
TICKET_KIND, CONFIRMATION_KIND = b"tc"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Shown on the rider's phone. `use`: how often the order had been verified when it was made, modulo `USES`."""

    redemption_id: UUID
    use: int
    step: int

    def too_old(self, now: datetime) -> bool:
        return step_of(now) - self.step not in (0, 1)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Given to one clerk by a preview. `typed`: the preview was made with a typed code, so the store's ceiling still applies."""

    redemption_id: UUID
    store_id: UUID
    clerk_id: UUID
    typed: bool
    use: int
    made_at: int

    def too_old(self, now: datetime) -> bool:
        return not 0 <= seconds_of(now) - self.made_at <= CONFIRMATION_S


def seconds_of(instant: datetime) -> int:
    return int(instant.timestamp())


def step_of(instant: datetime) -> int:
    return seconds_of(instant) // STEP_S


def ticket(keys: KeyRing, *, redemption_id: UUID, uses: int, now: datetime) -> tuple[str, datetime]:
    """The token of this moment, and the instant from which it is not taken any more. `uses`: how often the order was verified."""
    step = step_of(now)
    token = _signed(keys, TICKET.pack((TICKET_KIND + uses) % USES, redemption_id.bytes, step))
    return token, datetime.fromtimestamp((step + 2) * STEP_S, UTC)


def confirmation(keys: KeyRing, *, redemption_id: UUID, store_id: UUID, clerk_id: UUID, typed: bool, uses: int, now: datetime) -> str:
    ids = (redemption_id.bytes, store_id.bytes, clerk_id.bytes)
    return _signed(keys, CONFIRMATION.pack((CONFIRMATION_KIND + uses) % USES, *ids, typed, seconds_of(now)))


def read(keys: KeyRing, token: str) -> Ticket | Confirmation | None:
    """What we once signed, however old; None for everything else, and for any other spelling of the same bytes."""
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    message, signature = content[:-SIGNATURE], content[-SIGNATURE:]
    if _text(content) != token or not sealing.verify_signature(keys, PURPOSE, message, signature):
        return None
    if len(message) == TICKET.size:
        first, order, step = TICKET.unpack(message)
        return Ticket(UUID(bytes=order), (first - TICKET_KIND) % USES, step)
    first, order, store, clerk, typed, made_at = CONFIRMATION.unpack(message)
    use = (first - CONFIRMATION_KIND) % USES
    return Confirmation(UUID(bytes=order), UUID(bytes=store), UUID(bytes=clerk), typed, use, made_at)


def _signed(keys: KeyRing, message: bytes) -> str:
    return _text(message + sealing.sign(keys, PURPOSE, message, size=SIGNATURE))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
