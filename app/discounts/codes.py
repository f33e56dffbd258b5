"""The rotating identity code on a member's phone, and the clerk's token between looking and giving. Pure.

Both are sealed, so a photo of the code tells nobody whose it is. The database's clock says how old they are.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.security import sealed_tokens
from app.security.keys import KeyRing

CODE_PURPOSE, CONFIRMATION_PURPOSE = "identity-code", "identity-confirmation"
STEP_S = 30  # a code is good in its own step and in the next: 30 to 60 seconds
CONFIRMATION_S = 180
CODE = struct.Struct("!16sI")  # member, step
CONFIRMATION = struct.Struct("!16s16s16sQ")  # member, store, clerk, second of the scan


@dataclass(frozen=True, slots=True)
class Code:
    """Shown on the member's phone."""

    once: bytes
    member_id: UUID
    step: int

    def too_old(self, now: datetime) -> bool:
        return step_of(now) - self.step not in (0, 1)

    def scanned_at(self, now: datetime) -> int:
        return seconds_of(now)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Given to one clerk at one store by the scan of a code. Looking once more makes it live no longer."""

    once: bytes
    member_id: UUID
    store_id: UUID
    clerk_id: UUID
    made_at: int

    def too_old(self, now: datetime) -> bool:
        return not 0 <= seconds_of(now) - self.made_at <= CONFIRMATION_S

    def scanned_at(self, now: datetime) -> int:
        return self.made_at


def seconds_of(instant: datetime) -> int:
    return int(instant.timestamp())


def step_of(instant: datetime) -> int:
    return seconds_of(instant) // STEP_S


def code(keys: KeyRing, *, member_id: UUID, now: datetime) -> tuple[str, datetime]:
    """A token of this moment, and the instant from which it is not taken any more."""
    step = step_of(now)
    token = sealed_tokens.make(keys, CODE_PURPOSE, CODE.pack(member_id.bytes, step))
    return token, datetime.fromtimestamp((step + 2) * STEP_S, UTC)


def confirmation(keys: KeyRing, *, member_id: UUID, store_id: UUID, clerk_id: UUID, made_at: int) -> str:
    message = CONFIRMATION.pack(member_id.bytes, store_id.bytes, clerk_id.bytes, made_at)
    return sealed_tokens.make(keys, CONFIRMATION_PURPOSE, message)


def read(keys: KeyRing, token: str) -> Code | Confirmation | None:
    """What we once made, however old; None for everything else."""
    opened = sealed_tokens.read(keys, CODE_PURPOSE, token)
    if opened is not None:
        member, step = CODE.unpack(opened.message)
        return Code(opened.once, UUID(bytes=member), step)
    opened = sealed_tokens.read(keys, CONFIRMATION_PURPOSE, token)
    if opened is None:
        return None
    member, store, clerk, made_at = CONFIRMATION.unpack(opened.message)
    return Confirmation(opened.once, UUID(bytes=member), UUID(bytes=store), UUID(bytes=clerk), made_at)
