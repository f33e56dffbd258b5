"""The two objects of a photo in the store. Called outside of any transaction: the store may take seconds."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from app.storage.store import ObjectStore
from app.uploads.pictures import Picture

FOLDER = "uploads"


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture whose objects are sure. Without a row soon after, `jobs.sweep_objects` takes them away."""

    image_key: str
    thumb_key: str
    width: int
    height: int
    size_bytes: int


async def keep(store: ObjectStore, picture: Picture) -> Kept:
    """Puts image and thumbnail under random keys that nothing had before. Raises StorageFull, Busy."""
    image_key, thumb_key = _new_key(), _new_key()
    await store.put(image_key, picture.image)
    await store.put(thumb_key, picture.thumb)
    return Kept(image_key, thumb_key, picture.width, picture.height, len(picture.image))


async def remove(store: ObjectStore, keys: Iterable[str]) -> None:
    """What is gone already is no error. Raises Busy."""
    for key in keys:
        await store.delete(key)


def _new_key() -> str:
    """The first byte is a folder, so that no folder of a local store holds all of them."""
    name = secrets.token_hex(16)
    return f"{FOLDER}/{name[:2]}/{name[2:]}"
