"""The objects of a photo in the store. Called outside of any transaction: the store may take seconds."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from app.storage.store import ObjectStore
from app.uploads.pictures import Picture, Sent

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
    """Puts each size, and the file as it was sent, under random keys that nothing had before. Raises StorageFull, Busy."""
    sent = picture.sent
    return Kept(
        await _put(store, FOLDER, picture.image), await _put(store, MEDIUM, picture.medium) if picture.medium else None,
        await _put(store, FOLDER, picture.thumb), picture.width, picture.height, len(picture.image),
        await _put(store, ORIGINALS, sent.data) if sent else None, sent,
    )


async def remove(store: ObjectStore, keys: Iterable[str]) -> None:
    """What is gone already is no error. Raises Busy."""
    for key in keys:
        await store.delete(key)


async def _put(store: ObjectStore, folder: str, data: bytes) -> str:
    """The key's first byte is a folder, so that no folder of a local store holds all of them."""
    name = secrets.token_hex(16)
    key = f"{folder}/{name[:2]}/{name[2:]}"
    await store.put(key, data)
    return key
