"""Copies are recognised however they were turned, shrunk, brightened or trimmed; other photos are not."""

import io

import pytest
from PIL import Image

from app.uploads import pictures, prints
from app.uploads.prints import NEAR, Form
from tests.uploads import photos

Turn = Image.Transpose


def of(image: Image.Image, quality: int = 90) -> tuple[int, ...]:
    sent = pictures.clean(photos.encoded(image, "JPEG", quality=quality)).sent
    assert sent is not None and sent.prints is not None
    return sent.prints


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


TURNS = {
    Form.TURNED_90: Turn.ROTATE_90, Form.TURNED_180: Turn.ROTATE_180, Form.TURNED_270: Turn.ROTATE_270,
    Form.MIRRORED: Turn.FLIP_LEFT_RIGHT, Form.FLIPPED: Turn.FLIP_TOP_BOTTOM, Form.TRANSPOSED: Turn.TRANSPOSE,
    Form.ANTITRANSPOSED: Turn.TRANSVERSE,
}


@pytest.mark.parametrize("form", TURNS, ids=lambda form: form.name.lower())
def test_each_form_is_the_print_of_the_turned_photo_and_of_no_other(form: Form) -> None:
    photo = photos.street(1)
    turned = of(photo.transpose(TURNS[form]))[Form.AS_IT_IS]
    distances = [distance(one, turned) for one in of(photo)[:8]]
    assert distances[form] <= 6 and min(distances[:form] + distances[form + 1 :]) > NEAR


@pytest.mark.parametrize("name", photos.COPIES)
@pytest.mark.check("S34", part=True)
def test_a_copy_is_within_the_line(name: str) -> None:
    change, quality = photos.COPIES[name]
    for seed in range(12):
        photo = photos.street(seed)
        own, copy = of(photo), of(change(photo), quality)
        assert min(distance(one, copy[found]) for one in own for found in prints.FOUND_BY) <= NEAR, seed


@pytest.mark.variant("S34")
def test_without_the_print_of_the_middle_a_trimmed_copy_would_be_missed() -> None:
    """The known-bad variant of the test above."""
    missed = [distance(of(photo)[0], of(photos.trimmed(photo))[0]) > NEAR for photo in map(photos.street, range(12))]
    assert any(missed)


@pytest.mark.check("S34", part=True)
def test_other_photos_are_far_off() -> None:
    known = [of(photos.street(seed)) for seed in range(16)]
    for number, one in enumerate(known):
        for other in known[number + 1 :]:
            assert min(distance(form, other[found]) for form in one for found in prints.FOUND_BY) > 2 * NEAR


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_where_there_is_nothing_to_see_there_is_no_print(grey: int) -> None:
    wall = Image.merge("RGB", [Image.effect_noise((640, 480), 8).point(lambda value: (value + grey) // 2)] * 3)
    sent = pictures.clean(photos.encoded(wall, "JPEG")).sent
    assert sent is not None and sent.prints is None


def test_the_same_bytes_always_have_the_same_prints() -> None:
    data = photos.encoded(photos.street(3), "PNG")
    assert pictures.clean(data).sent == pictures.clean(io.BytesIO(data).getvalue()).sent
