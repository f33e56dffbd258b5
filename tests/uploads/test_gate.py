"""Refused by first bytes, end and header: no pixel of a hostile file is decoded. What is odd but good is rebuilt; nothing rides along."""

import io
import struct
import zipfile
from collections.abc import Iterator
from functools import cache

import pytest
from PIL import Image
from PIL.ImageFile import ImageFile
from pillow_heif import HeifImageFile

from app.errors import AppError
from app.uploads import pictures
from tests.uploads import hostile, photos
from tests.uploads.photos import SECRET, encoded, opened, scene

PAGE = b"<html><script>alert('" + SECRET + b"')</script></html>"


def archived() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr(SECRET.decode(), SECRET * 20)
    return written.getvalue()


ARCHIVE = archived()


@cache
def refused() -> dict[str, bytes]:
    """Bombs by header, files that were cut, and other kinds under a photo's name."""
    jpeg = bytearray(encoded(scene(64, 64), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (30_000).to_bytes(2, "big") * 2
    heic = encoded(scene(64, 64), "HEIC")
    lying = heic[: heic.index(b"mdat") - 4] + (2**31).to_bytes(4, "big") + heic[heic.index(b"mdat") :]
    whole = {kind: encoded(photos.street(1, (320, 240)), kind) for kind in ("JPEG", "PNG", "WEBP", "HEIC")}
    cut = {f"{kind} cut to {share}": data[: int(len(data) * share)] for kind, data in whole.items() for share in (0.1, 0.5, 0.95)}
    return cut | {f"{kind} without its last byte": data[:-1] for kind, data in whole.items()} | {
        "png bomb": photos.png_bomb(30_000, 30_000), "webp bomb": photos.webp_bomb(10_000, 10_000), "jpeg bomb": bytes(jpeg),
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "page": PAGE, "archive": ARCHIVE,
        "svg behind a byte order mark": b"\xef\xbb\xbf<svg/>", "gif and jpeg": b"GIF89a" + whole["JPEG"], "tiff": encoded(scene(), "TIFF"),
        "page and jpeg": PAGE + whole["JPEG"], "archive and png": ARCHIVE + whole["PNG"], "nothing": b"",
        "profile bomb": encoded(scene(), "PNG", icc_profile=bytes(30_000_000)), "box that lies": lying,
    } | hostile.foreign()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The kinds of file of which pixels were asked for."""
    asked: list[str] = []
    for kind in (ImageFile, HeifImageFile):
        def load(self: ImageFile, real: object = kind.load) -> object:
            asked.append(type(self).__name__)
            return real(self)  # type: ignore[operator]

        monkeypatch.setattr(kind, "load", load)
    yield asked


@pytest.mark.parametrize("name", sorted(refused()))
@pytest.mark.check("S41")
def test_what_is_refused_was_never_decoded(name: str, decoded: list[str]) -> None:
    with pytest.raises(AppError) as refusal:
        pictures.clean(refused()[name])
    assert refusal.value.status in (415, 422) and not decoded


@pytest.mark.variant("S41")
@pytest.mark.parametrize("name", ["png bomb", "jpeg bomb", "heic of 30,000 by 30,000"])
def test_without_the_gate_a_bomb_would_be_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: what asks for pixels before it asks for the size. The decoder stands still here, for its work is the harm."""
    asked: list[str] = []

    def load(self: ImageFile) -> None:
        asked.append(type(self).__name__)
        raise OSError

    for kind in (ImageFile, HeifImageFile):
        monkeypatch.setattr(kind, "load", load)
    monkeypatch.setattr(pictures, "_expect_modest", lambda size: None)
    with pytest.raises(AppError):
        pictures.clean(refused()[name])
    assert asked


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC"])
def test_what_is_good_is_decoded(kind: str, decoded: list[str]) -> None:
    """The known-bad variant: the fixture sees a decoding when there is one."""
    pictures.clean(encoded(scene(), kind))
    assert decoded


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC"])
@pytest.mark.parametrize("tail", [ARCHIVE, PAGE, SECRET * 40], ids=["archive", "page", "text"])
@pytest.mark.check("S41")
def test_of_a_file_that_is_two_files_one_stays(kind: str, tail: bytes) -> None:
    sent = encoded(photos.street(1, (320, 240)), kind) + tail
    picture = pictures.clean(sent)
    for kept in (picture.image, picture.thumb):
        assert SECRET not in kept and b"<script" not in kept and b"PK\x03\x04" not in kept and kept.endswith(b"\xff\xd9")
        assert not zipfile.is_zipfile(io.BytesIO(kept))
    assert opened(picture.image).size == (320, 240)
    assert picture.sent is not None and picture.sent.data == sent and zipfile.is_zipfile(io.BytesIO(sent)) == (tail == ARCHIVE)


@cache
def odd() -> dict[str, bytes]:
    profile, frames = SECRET + b"\0" * 900_000, [photos.street(seed, (320, 240)) for seed in range(3)]
    grey = struct.pack("<320H", *range(0, 64_000, 200)) * 240
    return {
        "cmyk": encoded(photos.street(1, (320, 240)).convert("CMYK"), "JPEG", icc_profile=profile[:60_000]),
        "16 bits": encoded(Image.frombytes("I;16", (320, 240), grey), "PNG"),
        "huge profile": encoded(photos.street(1, (320, 240)), "JPEG", icc_profile=profile),
        "huge profile in a png": encoded(photos.street(1, (320, 240)), "PNG", icc_profile=profile),
        "animated png": encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "animated webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], xmp=SECRET),
        "progressive": encoded(frames[0], "JPEG", progressive=True, comment=SECRET),
        "on its side": encoded(photos.street(1, (240, 320)), "JPEG", exif=photos.exif(orientation=6)),
    } | hostile.talkative()


@pytest.mark.parametrize("name", sorted(odd()))
@pytest.mark.check("S41")
def test_what_is_odd_but_good_is_rebuilt_and_tells_nothing(name: str) -> None:
    picture = pictures.clean(odd()[name])
    assert (picture.width, picture.height) == (320, 240)
    for kept in (picture.image, picture.thumb):
        shown = opened(kept)
        assert shown.format == "JPEG" and shown.mode == "RGB" and SECRET not in kept and len(kept) < 200_000
        assert not shown.getexif() and "icc_profile" not in shown.info and "comment" not in shown.info


@pytest.mark.parametrize(
    ("size", "medium"), [((2000, 1500), (1080, 810)), ((1200, 1600), (810, 1080)), ((1080, 800), None), ((90, 60), None)]
)
def test_the_size_in_between_is_made_where_the_image_is_larger(size: tuple[int, int], medium: tuple[int, int] | None) -> None:
    picture = pictures.clean(encoded(scene(*size), "JPEG", exif=photos.exif(), comment=SECRET))
    assert (None if picture.medium is None else opened(picture.medium).size) == medium
    assert picture.medium is None or SECRET not in picture.medium
