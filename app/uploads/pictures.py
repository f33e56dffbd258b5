"""Photos from phones, rebuilt from their pixels. What comes out holds no byte of the file that came in.

Judged by content: the first bytes say the kind, the end says that nothing was cut, the header says the size; only then is anything
decoded. THE one place that opens images: what the file tells of itself (when, where, what its copies are known by) is read here too.
It is done in a process of its own (`darkroom`, `apart`).
"""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from PIL import ExifTags, Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from app.errors import UnsupportedMediaType, ValidationFailed
from app.uploads import prints, taken
from app.uploads.developed import CONTENT_TYPE, Picture, Sent, damaged
from app.uploads.taken import Taken

MAX_PIXELS = 50_000_000
IMAGE_SIDE, MEDIUM_SIDE, THUMB_SIDE = 1600, 1080, 320
IMAGE_QUALITY, THUMB_QUALITY = 85, 80
WHITE = (255, 255, 255)
HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
HEIF_BRANDS = frozenset({b"mif1", b"msf1", b"mif2"})  # the container alone: what is in it, the compatible brands must say
PNG_END, JPEG_END = b"IEND\xaeB\x60\x82", b"\xff\xd9"  # without its end a file was cut, though the pixels may be there
JPEG_SCAN = 0xDA
Reader = Callable[[io.BytesIO], ImageFile]
TYPES: dict[Reader, str] = {
    JpegImageFile: CONTENT_TYPE, PngImageFile: "image/png", WebPImageFile: "image/webp", HeifImageFile: "image/heic",
}
Told = TypeVar("Told")
# What decoders raise on a file that is not what its first bytes promise.
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError, struct.error, zlib.error,
    Image.DecompressionBombError,
)


def clean(data: bytes) -> Picture:
    """Rebuilds a photo. Raises UnsupportedMediaType, ValidationFailed (cut, damaged, over 50 megapixels)."""
    if not data:
        raise damaged()
    reader = _reader_of(data)
    if not _ends(reader, data):
        raise damaged()
    try:
        with reader(io.BytesIO(data)) as opened:
            _expect_modest(opened.size)
            pixels = _reduced(opened)
            told = Taken(_told(opened, ExifTags.IFD.Exif, taken.moment), _told(opened, ExifTags.IFD.GPSInfo, taken.place))
            image = _rebuilt(_upright(pixels, opened))
    except BROKEN as error:
        raise damaged() from error
    thumb = _fitted(image, THUMB_SIDE)
    medium = _jpeg(_fitted(image, MEDIUM_SIDE), IMAGE_QUALITY) if max(image.size) > MEDIUM_SIDE else None
    sent = Sent(data, TYPES[reader], hashlib.sha256(data).digest(), told, prints.of(_grey(thumb), _grey(thumb, prints.TRIM)))
    return Picture(_jpeg(image, IMAGE_QUALITY), medium, _jpeg(thumb, THUMB_QUALITY), *image.size, sent)


def _told(opened: ImageFile, part: ExifTags.IFD, read_from: Callable[[Mapping[int, Any]], Told | None]) -> Told | None:
    """What a part of the EXIF tells; nothing where it cannot be read, for that must not cost the photo."""
    try:
        return read_from(opened.getexif().get_ifd(part))
    except (*BROKEN, AttributeError):
        return None


def _grey(image: Image.Image, trim: float = 0) -> bytes:
    """The picture, or its middle, as rows of grey values, from which its prints are made."""
    across, down = image.width * trim / 2, image.height * trim / 2
    middle = (across, down, image.width - across, image.height - down)
    return image.convert("L").resize((prints.SIDE, prints.SIDE), Image.Resampling.BOX, middle).tobytes()


def _reader_of(data: bytes) -> Reader:
    """One decoder for each kind that we take, and no guessing: SVG, TIFF, PDF, EPS, PSD and GIF never reach a decoder."""
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImageFile
    if data[4:8] == b"ftyp" and _is_heic(data):
        return HeifImageFile
    raise UnsupportedMediaType("只支持 JPEG、PNG、WebP 或 HEIC 照片")


def _ends(reader: Reader, data: bytes) -> bool:
    """Is the end there that says that nothing was cut? Known without decoding anything."""
    if reader is JpegImageFile:
        return _jpeg_ends(data)
    if reader is PngImageFile:
        return PNG_END in data
    if reader is WebPImageFile:
        return int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return _boxes_end(data)


def _jpeg_ends(data: bytes) -> bool:
    """The end is looked for behind the JPEG's own first scan: a thumbnail before it has an end too (ITU-T T.81, annex B)."""
    at = 2
    while at + 4 <= len(data) and data[at + 1] != JPEG_SCAN:
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.find(JPEG_END, at) >= 0


def _boxes_end(data: bytes) -> bool:
    """Does the HEIC hold each of its boxes whole, up to the pixels? (ISO 14496-12: a length of 1 has its 64 bits behind the name, 0 means
    up to the end.) What follows the pixels is a tail, as motion photos have one.
    """
    at, pixels = 0, False
    while at + 8 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        elif length == 0:
            return pixels or name == b"mdat"
        if length < 8 or at + length > len(data):
            return pixels
        at, pixels = at + length, pixels or name == b"mdat"
    return pixels


def _is_heic(data: bytes) -> bool:
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[at : at + 4] for at in range(16, length, 4)}
    major = data[8:12]
    return major in HEIC_BRANDS or (major in HEIF_BRANDS and not HEIC_BRANDS.isdisjoint(brands))


def _expect_modest(size: tuple[int, int]) -> None:
    """Raises ValidationFailed by the size that the header tells, before a pixel is decoded."""
    if size[0] * size[1] > MAX_PIXELS:
        raise ValidationFailed.of("body", "file", msg="照片超过 5000 万像素", kind="too_many_pixels")


def _reduced(opened: ImageFile) -> Image.Image:
    """Decodes the first frame and makes it small, as RGB on white."""
    target = _fit(opened.size, IMAGE_SIDE)
    if isinstance(opened, JpegImageFile):
        opened.draft("RGB", target)
    opened.load()
    _expect_modest(opened.size)  # a HEIC's coded picture may be larger than its header says
    flat = _flat(opened)
    small = flat.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0) if flat.size != target else flat
    if small.mode != "RGBA":
        return small.convert("RGB")
    paper = Image.new("RGB", small.size, WHITE)
    paper.paste(small, mask=small.getchannel("A"))
    return paper


def _flat(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something may shine through; itself when it is that already, for a copy may take 200 MB.

    16 grey bits lose the lower eight: Pillow's own conversion would clip everything above 255 to white.
    """
    clear = image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info
    mode = "RGBA" if clear else "RGB"
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _upright(pixels: Image.Image, opened: ImageFile) -> Image.Image:
    """Turned as its EXIF says; as it lies when the EXIF cannot be read."""
    pixels.info = {name: opened.info[name] for name in ("exif", "xmp", "Raw profile type exif") if name in opened.info}
    try:
        return ImageOps.exif_transpose(pixels)
    except BROKEN:
        return pixels


def _rebuilt(pixels: Image.Image) -> Image.Image:
    """A new image of the same pixels and nothing else: a copy would take comment, profile and EXIF along."""
    return Image.frombytes("RGB", pixels.size, pixels.tobytes())


def _fitted(image: Image.Image, side: int) -> Image.Image:
    size = _fit(image.size, side)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size with no side over `side`; a smaller picture keeps its own."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality, optimize=True)
    return written.getvalue()
