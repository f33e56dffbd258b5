"""More files that are no photos of ours, or that carry more than a photo: the rest of the 60 of reliability.md S41."""

import io
import struct
import zlib
from functools import cache

from PIL import Image

from tests.uploads import photos
from tests.uploads.photos import SECRET, encoded, exif, exif_tags, png_chunk, scene, street, written

XMP = b"http://ns.adobe.com/"


def _postscript() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n%%EOF\n"


def _fits() -> bytes:
    told = {"SIMPLE": "T", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 30_000, "NAXIS2": 30_000}
    cards = [*(f"{name:8}= {value:>20}" for name, value in told.items()), "END"]
    return "".join(card.ljust(80) for card in cards).encode().ljust(2_880)


def _psd() -> bytes:
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 30_000, 30_000, 8, 3) + bytes(12)


def _png(*chunks: bytes) -> bytes:
    """A small good PNG with these chunks behind its header."""
    plain = encoded(street(1, (320, 240)), "PNG")
    return plain[:33] + b"".join(chunks) + plain[33:]


def _segments(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with these application segments behind its start."""
    return data[:2] + b"".join(bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body for mark, body in segments) + data[2:]


def _sized(data: bytes, width: int, height: int) -> bytes:
    """A HEIC whose every picture says that it is of another size."""
    changed, at = bytearray(data), data.find(b"ispe")
    while at >= 0:
        changed[at + 8 : at + 16] = struct.pack(">II", width, height)
        at = data.find(b"ispe", at + 4)
    return bytes(changed)


@cache
def foreign() -> dict[str, bytes]:
    """Other kinds under a photo's name, and bombs by header."""
    small, jpeg = scene(64, 64), encoded(scene(64, 64), "JPEG")
    moving = [street(seed, (160, 120)) for seed in range(3)]
    frame = jpeg.index(b"\xff\xc0")
    widest = jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :]
    return {
        "eps": _postscript(), "pdf": encoded(small, "PDF"), "fits": _fits(), "psd": _psd(), "bmp": encoded(small, "BMP"),
        "icon": encoded(small, "ICO"), "gif that moves": encoded(moving[0], "GIF", save_all=True, append_images=moving[1:]),
        "jpeg 2000": encoded(small, "JPEG2000"), "avif": encoded(small, "AVIF"), "big endian tiff": b"MM\0*" + bytes(64),
        "jpeg of 65,535 by 65,535": widest, "heic of 30,000 by 30,000": _sized(encoded(small, "HEIC"), 30_000, 30_000),
        "pdf and jpeg": encoded(small, "PDF") + jpeg, "png of no size": photos.png_bomb(0, 0),
        "one line of 60,000,000": photos.png_bomb(60_000_000, 1), "jpeg's first bytes": b"\xff\xd8\xff", "script": b"#!/bin/sh\nid\n",
    }


@cache
def talkative() -> dict[str, bytes]:
    """Good photos of 320 by 240 that carry what nobody asked for."""
    photo = street(1, (320, 240))
    jpeg, packed = encoded(photo, "JPEG"), zlib.compress(SECRET * 1_000)
    tags = written(exif_tags())
    return {
        "photoshop's own": _segments(jpeg, (0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET)),
        "forty comments": _segments(jpeg, *[(0xFE, SECRET)] * 40),
        "xmp in two parts": _segments(jpeg, (0xE1, XMP + b"xap/1.0/\0" + SECRET), (0xE1, XMP + b"xmp/extension/\0" + SECRET * 9)),
        "thumbnail in its exif": encoded(photo, "JPEG", exif=tags + encoded(scene(64, 48), "JPEG", comment=SECRET)),
        "several pictures": encoded(photo, "MPO", save_all=True, append_images=[street(2, (320, 240))], comment=SECRET),
        "png's texts": _png(
            png_chunk(b"tEXt", b"Comment\0" + SECRET), png_chunk(b"zTXt", b"Comment\0\0" + packed),
            png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET), png_chunk(b"eXIf", exif()[6:]),
        ),
        "heic's exif": encoded(photo, "HEIC", exif=exif()), "webp's exif": encoded(photo, "WEBP", exif=exif(), xmp=SECRET),
        "palette with glass": _palette(), "grey with glass": encoded(photo.convert("LA"), "PNG"),
    }


def _palette() -> bytes:
    out = io.BytesIO()
    street(1, (320, 240)).convert("P", palette=Image.Palette.ADAPTIVE).save(out, "PNG", transparency=0)
    return out.getvalue()
