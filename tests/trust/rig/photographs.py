"""Photographs made by code: light, grain and shapes of a street at every scale, other ones for each seed; and what copiers do to them.

Real scenes have more in common than these do, so what is measured here is how well copies are known, not how alike two real bins look.
"""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

SIZE = (640, 480)
Change = Callable[[Image.Image, random.Random], Image.Image]


def photograph(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Clouds of each scale under things with edges, seen through a lens that is not quite sharp."""
    drawn = random.Random(seed)
    picture = Image.merge("RGB", [_clouds(drawn, size) for _ in range(3)])
    pen = ImageDraw.Draw(picture)
    for _ in range(drawn.randrange(8, 26)):
        left, top = drawn.randrange(-40, size[0]), drawn.randrange(-40, size[1])
        box = (left, top, left + drawn.randrange(15, size[0] // 2), top + drawn.randrange(15, size[1] // 2))
        colour = tuple(drawn.randrange(256) for _ in range(3))
        drawn.choice((pen.rectangle, pen.ellipse, pen.rectangle))(box, fill=colour)
    for _ in range(drawn.randrange(3, 9)):
        ends = [(drawn.randrange(size[0]), drawn.randrange(size[1])) for _ in range(2)]
        pen.line(ends, fill=tuple(drawn.randrange(256) for _ in range(3)), width=drawn.randrange(2, 14))
    return picture.filter(ImageFilter.GaussianBlur(drawn.uniform(0.4, 1.6)))


def _clouds(drawn: random.Random, size: tuple[int, int]) -> Image.Image:
    """Each finer grid weighs half as much, as in real scenes."""
    sum_ = Image.new("L", size, drawn.randrange(60, 200))
    for cells, weight in ((3, 0.6), (6, 0.35), (13, 0.25), (40, 0.12)):
        grid = Image.frombytes("L", (cells, cells), drawn.randbytes(cells * cells))
        sum_ = Image.blend(sum_, grid.resize(size, Image.Resampling.BICUBIC), weight)
    return sum_


def _again(image: Image.Image, quality: int) -> Image.Image:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return Image.open(io.BytesIO(written.getvalue())).convert("RGB")


def _inner(image: Image.Image) -> tuple[int, int, int, int]:
    """Without a twentieth of its width and of its height, as much on each side."""
    across, down = image.width // 40, image.height // 40
    return across, down, image.width - across, image.height - down


def _cut(image: Image.Image, drawn: random.Random) -> Image.Image:
    """A twentieth of its width and of its height, taken from whichever sides."""
    across, down = image.width // 20, image.height // 20
    left, top = drawn.randint(0, across), drawn.randint(0, down)
    return image.crop((left, top, image.width - across + left, image.height - down + top))


def _marked(image: Image.Image, drawn: random.Random) -> Image.Image:
    copy = image.copy()
    at = (drawn.randrange(10, image.width // 3), drawn.randrange(image.height // 2, image.height - 50))
    ImageDraw.Draw(copy).text(at, "2026-11-29 22:40 Market Street", fill="white", font_size=28)
    return copy


def _on_a_screen(image: Image.Image, drawn: random.Random) -> Image.Image:
    """As a gallery shows it: bars above and below, of which a copier leaves a part."""
    screen = Image.new("RGB", (image.width, round(image.height * 1.25)), (250, 250, 250))
    screen.paste(image, (0, round(image.height * 0.1)))
    ImageDraw.Draw(screen).text((20, 10), "9:41", fill="black", font_size=24)
    return screen


def _photographed(image: Image.Image, drawn: random.Random) -> Image.Image:
    """Off a screen by hand: a little turned, cut, in other light, less sharp, with the grain of another camera."""
    turned = image.rotate(drawn.uniform(-2, 2), Image.Resampling.BICUBIC, fillcolor=(30, 30, 30))
    cut = ImageOps.crop(turned, border=drawn.randrange(4, 14)).resize(image.size, Image.Resampling.BICUBIC)
    lit = ImageEnhance.Contrast(ImageEnhance.Brightness(cut).enhance(drawn.uniform(0.8, 1.15))).enhance(drawn.uniform(0.8, 1.1))
    grain = Image.effect_noise(image.size, 12).convert("RGB")
    return Image.blend(lit.filter(ImageFilter.GaussianBlur(1.2)), grain, 0.06)


# In the order of reliability.md, and one more: the first six have to be found, the crop less often, the others are told. A crop that is
# not in the middle is another picture to the ninth print too (`app/uploads/prints.py`).
CHANGES: dict[str, Change] = {
    "jpeg 60": lambda image, drawn: _again(image, 60),
    "half size": lambda image, drawn: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "crop 5 %": lambda image, drawn: image.crop(_inner(image)),
    "mirror": lambda image, drawn: ImageOps.mirror(image),
    "90 degrees": lambda image, drawn: image.transpose(Image.Transpose.ROTATE_90),
    "brighter": lambda image, drawn: ImageEnhance.Brightness(image).enhance(1.25),
    "watermark": _marked,
    "border": lambda image, drawn: ImageOps.expand(image, border=image.width // 40, fill="white"),
    "screenshot": _on_a_screen,
    "re-photo": _photographed,
    "crop 5 % off centre": _cut,
}
