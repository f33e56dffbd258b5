"""Photos as phones and as attackers send them."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

SECRET = b"canary-of-a-person"
GPS = 0x8825
ORIENTATION, MAKER, ARTIST, DESCRIPTION = 0x0112, 0x010F, 0x013B, 0x010E
Change = Callable[[Image.Image], Image.Image]
TOP, BOTTOM = (220, 30, 30), (30, 30, 220)


def scene(width: int = 640, height: int = 480, mode: str = "RGB") -> Image.Image:
    """Red above, blue below: tells which side is up."""
    image = Image.new("RGB", (width, height), BOTTOM)
    image.paste(TOP, (0, 0, width, height // 2))
    return image if mode == "RGB" else image.convert(mode, palette=Image.Palette.ADAPTIVE)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(image).save(written, quality=80, **options)
    else:
        image.save(written, kind, **options)
    return written.getvalue()


def exif_tags() -> dict[int, Any]:
    """Where and by whom: what must not leave the phone's owner."""
    return {
        ARTIST: SECRET.decode(), DESCRIPTION: SECRET.decode(), GPS: {1: "N", 2: (35.0, 33.0, 7.6), 3: "E", 4: (116.0, 46.0, 59.7)},
    }


def written(tags: dict[int, Any]) -> bytes:
    made = Image.Exif()
    for tag, value in tags.items():
        made[tag] = value
    return made.tobytes()


def exif(orientation: int = 1) -> bytes:
    return written({ORIENTATION: orientation} | exif_tags())


def talkative_jpeg(orientation: int = 1) -> bytes:
    """EXIF with GPS, XMP, a comment, a colour profile, and a tail behind the end, as motion photos have one."""
    image = scene()
    return encoded(
        image, "JPEG", exif=exif(orientation), comment=SECRET, icc_profile=b"\0" * 128 + SECRET, xmp=b"<x>" + SECRET + b"</x>"
    ) + SECRET * 50


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bomb(width: int, height: int) -> bytes:
    """A whole, black, one-bit PNG of any size in some kilobytes."""
    squeeze = zlib.compressobj(9)
    row = bytes((width + 7) // 8 + 1)
    packed = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def webp_bomb(width: int, height: int) -> bytes:
    """A small frame on a canvas that is not."""
    def three(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    frame = three(0) * 2 + three(15) * 2 + three(10) + b"\0" + encoded(scene(16, 16), "WEBP")[12:]
    chunks = (
        b"VP8X" + struct.pack("<I", 10) + bytes((2, 0, 0, 0)) + three(width - 1) + three(height - 1)
        + b"ANIM" + struct.pack("<I", 6) + bytes(6) + b"ANMF" + struct.pack("<I", len(frame)) + frame
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def street(seed: int, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Shapes and grain, other ones for each seed: something that copies are recognised by."""
    drawn, picture = random.Random(seed), Image.new("RGB", size, (150, 150, 150))
    for _ in range(60):
        left, top = drawn.randrange(size[0]), drawn.randrange(size[1])
        right, bottom = left + drawn.randrange(20, size[0] // 3), top + drawn.randrange(20, size[1] // 3)
        picture.paste(tuple(drawn.randrange(256) for _ in range(3)), (left, top, right, bottom))
    return picture


def stamped(photo: Image.Image) -> Image.Image:
    copy = photo.copy()
    ImageDraw.Draw(copy).text((20, 540), "2026-11-24 09:20 Market Street", fill="white", font_size=28)
    return copy


def trimmed(photo: Image.Image) -> Image.Image:
    return ImageOps.crop(photo, border=20)


COPIES: dict[str, tuple[Change, int]] = {
    "jpeg at 60": (lambda photo: photo, 60), "half the size": (lambda photo: photo.reduce(2), 90), "trimmed": (trimmed, 90),
    "brighter": (lambda photo: ImageEnhance.Brightness(photo).enhance(1.2), 90), "stamped": (stamped, 90),
    "mirrored": (ImageOps.mirror, 90), "turned": (lambda photo: photo.rotate(90, expand=True), 90),
}
