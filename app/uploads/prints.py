"""Recognising a photo in its copies: 256 bits that re-encoding, shrinking and brightening hardly change. Pure.

The method is that of PDQ (Facebook, 2019): a cosine transform of 64 × 64 grey values, of whose 16 × 16 lowest frequencies each bit says
whether it lies above the median. Turning and mirroring the picture only swaps these frequencies and changes their signs, so the prints of
all eight forms come from one transform. Two prints differ in about 128 bits, those of copies in 31 at most. Trimmed by a twentieth, a
picture is another one to this measure: that is what the ninth print is for.
"""

import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from operator import mul
from statistics import median

SIDE, KEPT = 64, 16  # grey values on each side, frequencies kept in each direction
BITS = KEPT * KEPT
NEAR = 31  # the published line of PDQ: at most so many of the 256 bits differ between copies
# PDQ's measure of how much there is to see, and its published least: prints of blank walls and black nights are noise, and some alike.
ENOUGH_TO_SEE = 50
TRIM = 0.05
COSINES = [[math.cos(math.pi / 2 / SIDE * rate * (2 * at + 1)) for at in range(SIDE)] for rate in range(1, KEPT + 1)]
Grid = Sequence[Sequence[float]]


class Form(IntEnum):
    """What makes one photo the other: turns go against the clock, `mirrored` swaps left and right, `flipped` above and below."""

    AS_IT_IS = 0
    TURNED_90 = 1
    TURNED_180 = 2
    TURNED_270 = 3
    MIRRORED = 4
    FLIPPED = 5
    TRANSPOSED = 6
    ANTITRANSPOSED = 7
    TRIMMED = 8


# The forms that others look for: a photo has been copied as it is, or trimmed, and then turned.
FOUND_BY = (Form.AS_IT_IS, Form.TRIMMED)


def of(grey: bytes, middle: bytes) -> tuple[int, ...] | None:
    """The prints of all forms, in their order, of 64 rows of 64 grey values; None where there is too little to see.

    `middle` are the grey values of the same picture without `TRIM` of its width and of its height.
    """
    rows = _rows(grey)
    if _detail(rows) < ENOUGH_TO_SEE:
        return None
    return (*(_print(form) for form in _forms(_frequencies(rows))), _print(_frequencies(_rows(middle))))


def _rows(grey: bytes) -> list[bytes]:
    return [grey[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]


def _detail(rows: Sequence[bytes]) -> int:
    """Steps between neighbours, of more than a percent of the whole range."""
    columns = [bytes(column) for column in zip(*rows, strict=True)]
    steps = sum(abs(one - other) * 100 // 255 for line in (*rows, *columns) for one, other in pairwise(line))
    return steps // 90


def _frequencies(rows: Sequence[bytes]) -> Grid:
    """The cosine transform, first down the columns, then along the rows."""
    columns = list(zip(*rows, strict=True))
    half = [[sum(map(mul, wave, column)) for column in columns] for wave in COSINES]
    return [[sum(map(mul, row, wave)) for wave in COSINES] for row in half]


def _forms(grid: Grid) -> Iterator[Grid]:
    """The same for each form, in the order of `Form`: a mirrored wave of odd frequency has the other sign."""
    swapped = list(zip(*grid, strict=True))
    yield grid
    yield _signed(swapped, down=True, along=False)
    yield _signed(grid, down=True, along=True)
    yield _signed(swapped, down=False, along=True)
    yield _signed(grid, down=False, along=True)
    yield _signed(grid, down=True, along=False)
    yield swapped
    yield _signed(swapped, down=True, along=True)


def _signed(grid: Grid, *, down: bool, along: bool) -> Grid:
    """The first frequency is 1, which is odd: it stands at place 0."""
    return [
        [-value if (down and row % 2 == 0) != (along and column % 2 == 0) else value for column, value in enumerate(line)]
        for row, line in enumerate(grid)
    ]


def _print(grid: Grid) -> int:
    values = [value for line in grid for value in line]
    line = median(values)
    return sum(1 << bit for bit, value in enumerate(reversed(values)) if value > line)
