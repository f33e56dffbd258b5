"""Anchors: heads of the chain kept in the object store, where whoever can change the database cannot change them, and read back.

The chain alone cannot tell that its end was cut off, or that all of it was made anew by somebody who has the key; a head of before can.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from app import clock
from app.seals import signing
from app.seals.queries import Head
from app.seals.signing import Judged
from app.security.keys import KeyRing
from app.storage.store import ObjectStore

FOLDER = "anchors"
NAMED = re.compile(r"/\d{4}-(\d+)(?:-([a-z]+))?\.json$")
AT_ONCE = 16


class What(StrEnum):
    """`head`: what the chain ended with at that hour. `verified`: all of it up to there was proved, so blocks whose key has been
    retired since stand by this signature. `restored`: the database was put back to there, so earlier anchors may lie beyond its end."""

    HEAD = "head"
    VERIFIED = "verified"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Anchor:
    what: What
    number: int
    hash: str
    at: datetime
    signature: str
    kid: str

    @property
    def key(self) -> str:
        suffix = "" if self.what is What.HEAD else f"-{self.what}"
        return f"{FOLDER}/{clock.local(self.at):%Y/%m/%d/%H}00-{self.number}{suffix}.json"

    def judged(self, ring: KeyRing) -> Judged:
        return signing.judge(ring, signing.ANCHOR, _message(self.what, self.number, self.hash, self.at), _bytes(self.signature), self.kid)


async def write(store: ObjectStore, ring: KeyRing, head: Head, what: What = What.HEAD) -> Anchor:
    """Puts an anchor beside those of before; of one hour and head, the first stays. Raises StorageFull, Busy."""
    at = clock.now().replace(microsecond=0)
    signature, kid = signing.sign(ring, signing.ANCHOR, _message(what, head.number, head.hash.hex(), at))
    anchor = Anchor(what, head.number, head.hash.hex(), at, signature.hex(), kid)
    if not await store.exists(anchor.key):
        written = asdict(anchor) | {"at": at.isoformat()}
        await store.put(anchor.key, json.dumps(written, indent=1).encode())
    return anchor


async def read(store: ObjectStore, *, since: int = 1) -> tuple[list[Anchor], list[str]]:
    """Every anchor of a block from `since` on, and of older ones those that say more than that; oldest first. And the keys of files
    that are no anchors. Raises Busy."""
    keys = [found.key async for page in store.listing(FOLDER) for found in page]
    wanted = sorted(key for key in keys if _concerns(key, since))
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(key: str) -> Anchor | None:
        async with gate:
            return _parsed(key, await store.get(key))

    read = await asyncio.gather(*(one(key) for key in wanted))
    anchors = sorted((anchor for anchor in read if anchor is not None), key=lambda anchor: (anchor.at, anchor.number))
    return anchors, [key for key, anchor in zip(wanted, read, strict=True) if anchor is None]


def void(anchors: Sequence[Anchor], ring: KeyRing) -> set[str]:
    """Keys of the anchors that a restore of the database made void: older than it, and of a block beyond where it went back to.

    A note of a restore whose key has been retired since is believed if the whole chain was proved after it, under a key that is there.
    """
    good = {anchor.key for anchor in anchors if anchor.judged(ring) is Judged.GOOD}
    proved = max((anchor.at for anchor in anchors if anchor.what is What.VERIFIED and anchor.key in good), default=None)
    restores = [
        anchor for anchor in anchors if anchor.what is What.RESTORED
        and (anchor.key in good or (proved is not None and anchor.at < proved and anchor.judged(ring) is Judged.UNKNOWN))
    ]
    return {one.key for one in anchors if any(one.at < later.at and one.number > later.number for later in restores)}


def _concerns(key: str, since: int) -> bool:
    named = NAMED.search(key)
    return named is None or named[2] is not None or int(named[1]) >= since


def _parsed(key: str, content: bytes) -> Anchor | None:
    """None for what is no anchor, or lies under another name than its own."""
    try:
        found = json.loads(content)
        anchor = Anchor(**found | {"what": What(found["what"]), "at": datetime.fromisoformat(found["at"])})
        return anchor if anchor.key == key else None
    except (ValueError, TypeError, KeyError):
        return None


def _message(what: What, number: int, hash_: str, at: datetime) -> bytes:
    return f"{what}|{number}|{hash_}|{at.isoformat()}".encode()


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
