"""What developing a photo gives. Nothing here opens images: whoever only hands photos on loads no decoder for it."""

from dataclasses import dataclass

from app.errors import ValidationFailed
from app.uploads.taken import Taken

CONTENT_TYPE = "image/jpeg"
SUFFIXES = {CONTENT_TYPE: "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic"}  # of all kinds that are taken


@dataclass(frozen=True, slots=True)
class Sent:
    """The file as it came in, and what it told before it was rebuilt. `prints` are None where there is too little to see."""

    data: bytes
    content_type: str
    digest: bytes
    taken: Taken
    prints: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A clean JPEG in three sizes; `width` and `height` are those of the image, which has no medium size where it is not larger."""

    image: bytes
    medium: bytes | None
    thumb: bytes
    width: int
    height: int
    sent: Sent | None


def damaged() -> ValidationFailed:
    return ValidationFailed.of("body", "file", msg="照片不完整或已损坏，请重新拍摄或选择", kind="damaged_image")
