"""Photos as phones and as attackers send them."""

import io
import struct
import zlib
from typing import Any

import pillow_heif
from PIL import Image

SECRET = b"canary-of-a-person"
GPS = 0x8825
ORIENTATION, MAKER, ARTIST, DESCRIPTION = 0x0112, 0x010F, 0x013B, 0x010E
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


def exif(orientation: int = 1) -> bytes:
    """Where and by whom: what must not leave the phone's owner."""
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[ARTIST] = tags[DESCRIPTION] = SECRET.decode()
    tags[GPS] = {1: "N", 2: (35.0, 33.0, 7.6), 3: "E", 4: (116.0, 46.0, 59.7)}
    return tags.tobytes()


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
