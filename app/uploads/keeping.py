"""The objects of a photo in the store. Called outside of any transaction: the store may take seconds."""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.storage.store import ObjectStore
from app.uploads.developed import Picture, Sent

# Folders of their own for what the release before does not know: its sweep would take an object for an orphan whose key it cannot read.
FOLDER, MEDIUM, ORIGINALS = "uploads", "medium", "originals"
FOLDERS = (FOLDER, MEDIUM, ORIGINALS)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture whose objects are sure. Without a row soon after, `jobs.sweep_objects` takes them away."""

    image_key: str
    medium_key: str | None
    thumb_key: str
    width: int
    height: int
    size_bytes: int
    original_key: str | None
    sent: Sent | None


async def keep(store: ObjectStore, picture: Picture) -> Kept:
    """Puts each size, and the file as it was sent, under random keys that nothing had before, all at once. Raises StorageFull, Busy."""
    sent = picture.sent
    objects = ((FOLDER, picture.image), (MEDIUM, picture.medium), (FOLDER, picture.thumb), (ORIGINALS, sent.data if sent else None))
    image, medium, thumb, original = puts = [asyncio.ensure_future(_put(store, folder, data)) for folder, data in objects]
    await asyncio.gather(*puts, return_exceptions=True)  # a refusal is told when nothing is being written any more
    return Kept(
        image.result(), medium.result(), thumb.result(), picture.width, picture.height, len(picture.image), original.result(), sent
    )


async def remove(store: ObjectStore, keys: Iterable[str]) -> None:
    """What is gone already is no error. Raises Busy."""
    for key in keys:
        await store.delete(key)


async def _put(store: ObjectStore, folder: str, data: bytes | None) -> Any:
    """The key, None where there is nothing to put. Its first byte is a folder, so that no folder of a local store holds all of them."""
    if data is None:
        return None
    name = secrets.token_hex(16)
    key = f"{folder}/{name[:2]}/{name[2:]}"
    await store.put(key, data)
    return key
