"""What is taken, what is refused, and that nothing of the file that came in is in the file that is kept."""

import resource
import time
import zlib

import pytest
from PIL import Image

from app.errors import AppError, UnsupportedMediaType, ValidationFailed
from app.uploads import pictures
from tests.uploads import photos
from tests.uploads.photos import BOTTOM, SECRET, TOP, encoded, opened, scene


def looks(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    found = image.convert("RGB").getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    assert isinstance(found, tuple)
    return all(abs(one - other) < 24 for one, other in zip(found, colour, strict=True))


def markers(jpeg: bytes) -> set[int]:
    """The kinds of segment before the pixels."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


JFIF_AND_TABLES = {0xE0, 0xDB, 0xC0, 0xC4}


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {}), ("JPEG", "RGB", {"progressive": True}), ("JPEG", "L", {}), ("JPEG", "CMYK", {}), ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "LA", {}), ("WEBP", "RGB", {}), ("WEBP", "RGBA", {"lossless": True}),
        ("HEIC", "RGB", {}), ("HEIC", "RGBA", {}),
    ],
)
def test_every_kind_becomes_a_jpeg_of_the_same_size_and_look(kind: str, mode: str, options: dict[str, object]) -> None:
    picture = pictures.clean(encoded(scene(mode=mode), kind, **options))
    image, thumb = opened(picture.image), opened(picture.thumb)
    assert (image.format, image.mode, image.size, (picture.width, picture.height)) == ("JPEG", "RGB", (640, 480), (640, 480))
    assert (thumb.format, thumb.size) == ("JPEG", (320, 240))
    if mode not in ("L", "LA"):
        assert all(looks(shown, (0.5, 0.2), TOP) and looks(shown, (0.5, 0.8), BOTTOM) for shown in (image, thumb))


@pytest.mark.parametrize("name", ["talkative", "png", "webp", "heic"])
@pytest.mark.check("S41")
def test_no_byte_of_metadata_comment_profile_or_tail_stays(name: str) -> None:
    sent = {
        "talkative": photos.talkative_jpeg(), "png": encoded(scene(), "PNG", exif=photos.exif(), icc_profile=SECRET * 9) + SECRET,
        "webp": encoded(scene(), "WEBP", exif=photos.exif(), xmp=SECRET), "heic": encoded(scene(), "HEIC", exif=photos.exif()),
    }[name]
    assert name == "png" or SECRET in sent
    picture = pictures.clean(sent)
    for kept in (picture.image, picture.thumb):
        assert SECRET not in kept and markers(kept) == JFIF_AND_TABLES and kept.endswith(b"\xff\xd9")
        assert not opened(kept).getexif() and set(opened(kept).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.variant("S41")
def test_a_plain_saving_again_would_keep_the_comment() -> None:
    """The known-bad variant of the test above."""
    again = encoded(opened(photos.talkative_jpeg()), "JPEG")
    assert SECRET in again and markers(again) != JFIF_AND_TABLES


@pytest.mark.parametrize(
    ("orientation", "size", "red", "blue"),
    [
        (1, (640, 480), (0.5, 0.2), (0.5, 0.8)), (3, (640, 480), (0.5, 0.8), (0.5, 0.2)), (6, (480, 640), (0.8, 0.5), (0.2, 0.5)),
        (8, (480, 640), (0.2, 0.5), (0.8, 0.5)),
    ],
)
def test_photos_stand_upright(
    orientation: int, size: tuple[int, int], red: tuple[float, float], blue: tuple[float, float]
) -> None:
    picture = pictures.clean(photos.talkative_jpeg(orientation))
    image = opened(picture.image)
    assert image.size == (picture.width, picture.height) == size
    assert looks(image, red, TOP) and looks(image, blue, BOTTOM)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_an_exif_that_nobody_can_read_does_not_cost_the_photo() -> None:
    assert pictures.clean(encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x12" * 40)).width == 640


@pytest.mark.parametrize(
    ("size", "kept"),
    [((4000, 3000), (1600, 1200)), ((1600, 900), (1600, 900)), ((1601, 900), (1600, 899)), ((1, 5000), (1, 1600)), ((3, 2), (3, 2))],
)
def test_only_what_is_larger_is_reduced(size: tuple[int, int], kept: tuple[int, int]) -> None:
    picture = pictures.clean(encoded(scene(*size), "JPEG"))
    assert opened(picture.image).size == (picture.width, picture.height) == kept


def test_sixteen_grey_bits_keep_their_shades_and_what_is_clear_becomes_white() -> None:
    middle = opened(pictures.clean(encoded(Image.new("I;16", (64, 64), 0x8000), "PNG")).image).getpixel((9, 9))
    assert isinstance(middle, tuple) and all(120 < value < 136 for value in middle)
    cut_out = Image.new("P", (64, 64), 3)
    cut_out.putpalette([0, 0, 0] * 3 + [200, 10, 10])
    for sent in (
        encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG"), encoded(cut_out, "PNG", transparency=3),
        encoded(Image.new("LA", (64, 64), (0, 0)), "PNG"),
    ):
        assert opened(pictures.clean(sent).image).getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_a_moving_picture_the_first_frame_stays(kind: str) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in (TOP, BOTTOM, BOTTOM)]
    moving = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert looks(opened(pictures.clean(moving).image), (0.5, 0.5), TOP)


def hostile() -> dict[str, bytes]:
    small = scene(64, 64)
    return {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "html": b"<html><body>x</body></html>",
        "pdf": b"%PDF-1.7\n1 0 obj\n", "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n", "psd": b"8BPS\0\x01" + bytes(40),
        "fits": b"SIMPLE  =                    T", "avif": encoded(small, "AVIF"),
        "gif": encoded(small, "GIF"), "tiff": encoded(small, "TIFF"), "bmp": encoded(small, "BMP"),
        "jpeg2000": encoded(small, "JPEG2000"), "mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "zip": b"PK\x03\x04" + bytes(40),
        "gif and jpeg": b"GIF89a" + encoded(small, "JPEG"), "text": "照片".encode(), "one byte": b"\xff",
    }


@pytest.mark.parametrize("name", sorted(hostile()))
@pytest.mark.check("S41")
def test_other_kinds_are_refused_whatever_they_are_called(name: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        pictures.clean(hostile()[name])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIC"])
def test_a_file_that_was_cut_is_refused_wherever_it_was_cut(kind: str) -> None:
    whole = encoded(Image.effect_noise((320, 240), 60).convert("RGB"), kind)
    pictures.clean(whole)
    for share in (0.05, 0.3, 0.6, 0.9, 0.99):
        with pytest.raises(ValidationFailed):
            pictures.clean(whole[: int(len(whole) * share)])
    with pytest.raises(ValidationFailed):
        pictures.clean(whole[:-1])


def test_a_jpeg_without_its_end_is_refused_though_all_pixels_are_there() -> None:
    """Whether the decoder misses the end depends on the last bits; one picture in twenty-five it does not."""
    for number in range(40):
        within = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0\xff\xd9"  # as a thumbnail before the picture has an end of its own
        whole = encoded(Image.effect_noise((64, 48), 60).convert("RGB"), "JPEG", exif=within, progressive=number % 2 == 1)
        assert pictures.clean(whole).width == 64
        with pytest.raises(ValidationFailed):
            pictures.clean(whole[:-1])


def test_nothing_and_rubbish_behind_a_good_start_are_refused() -> None:
    for sent in (b"", b"\xff\xd8\xff\xe0" + bytes(2000), b"\x89PNG\r\n\x1a\n" + b"x" * 2000, b"RIFF\x10\0\0\0WEBPVP8 " + bytes(50)):
        with pytest.raises(ValidationFailed):
            pictures.clean(sent)
    broken = bytearray(encoded(Image.effect_noise((320, 240), 60), "PNG"))
    broken[len(broken) // 2] ^= 0xFF
    with pytest.raises(ValidationFailed):
        pictures.clean(bytes(broken))
    text_bomb = photos.png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))
    png = encoded(scene(64, 64), "PNG")
    with pytest.raises(ValidationFailed):
        pictures.clean(png[:33] + text_bomb + png[33:])


@pytest.mark.parametrize("name", ["png", "webp", "jpeg"])
@pytest.mark.check("S41")
def test_too_many_pixels_are_refused_by_the_header_before_they_cost_anything(name: str) -> None:
    """30,000² pixels would be 2.7 GB; the refusal takes milliseconds."""
    jpeg = bytearray(encoded(scene(64, 64), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (30_000).to_bytes(2, "big") * 2
    sent = {"png": photos.png_bomb(30_000, 30_000), "webp": photos.webp_bomb(10_000, 10_000), "jpeg": bytes(jpeg)}[name]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(ValidationFailed) as refused:
        pictures.clean(sent)
    assert refused.value.facts["errors"][0]["type"] == "too_many_pixels"
    assert time.perf_counter() - began < 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_fifty_megapixels_are_the_limit() -> None:
    assert pictures.clean(photos.png_bomb(10_000, 5_000)).width == 1600
    with pytest.raises(ValidationFailed):
        pictures.clean(photos.png_bomb(10_000, 5_001))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_way_of_spoiling_a_photo_ends_in_anything_but_a_refusal() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "HEIC"):
        whole = encoded(scene(96, 64), kind, **({"exif": photos.exif()} if kind != "HEIC" else {}))
        for at in range(0, len(whole), max(1, len(whole) // 150)):
            spoiled = whole[:at] + bytes((whole[at] ^ 0xA5,)) + whole[at + 1 :]
            try:
                assert pictures.clean(spoiled).image
            except AppError as refusal:
                assert refusal.status in (415, 422)
