"""Drawn photos: one picture of each kind, made once in a process."""

import io
from dataclasses import replace
from functools import cache

from PIL import Image, ImageDraw

from app.uploads import pictures
from app.uploads.developed import Picture

SIZE = (640, 480)
SKY, ROAD, WALL, DONE = (178, 205, 226), (120, 124, 128), (203, 190, 170), (96, 160, 110)
AFTER = "after"


@cache
def picture(kind: str) -> Picture:
    """A street scene in the colours of its kind (a category, or `AFTER`), as it would be stored.

    Without what tells copies apart: all scenes of a kind are one picture, and every report would look like a copy of the others.
    """
    return replace(pictures.clean(drawn(kind)), sent=None)


def drawn(kind: str) -> bytes:
    """The same scene as a JPEG file, as a phone would send it."""
    width, height = SIZE
    image = Image.new("RGB", SIZE, SKY)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, height * 0.35, width * 0.45, height * 0.7), fill=WALL)
    pen.rectangle((0, height * 0.7, width, height), fill=ROAD)
    pen.line((0, height * 0.85, width, height * 0.85), fill="white", width=6)
    tint = sum(kind.encode())
    colour = DONE if kind == AFTER else (150 + tint % 90, 60 + tint % 70, 40 + tint % 50)
    left = 180 + tint % 200
    pen.ellipse((left, 250, left + 170, 400), fill=colour, outline="black", width=3)
    pen.rectangle((left + 40, 215, left + 130, 300), fill=colour, outline="black", width=3)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()
