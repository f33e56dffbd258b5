"""Reading back a certificate: the words by the font's own ToUnicode map, the code's modules from the rectangles that are drawn."""

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.S)
STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.S)
SHOWN = re.compile(rb"\(((?:\\.|[^\\)])*)\) Tj", re.S)
FILLED = re.compile(rb"(-?[\d.]+) (-?[\d.]+) (-?[\d.]+) (-?[\d.]+) re f\b")
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _page(pdf: bytes) -> bytes:
    streams = [found[1] for _, body in OBJECT.findall(pdf) if b"/FlateDecode" in body and (found := STREAM.search(body))]
    return next(text for text in map(zlib.decompress, streams) if b" Tj" in text)


def words(pdf: bytes) -> str:
    """What a reader can copy from the page, one line for each piece that was drawn."""
    cmap = next(found[1] for _, body in OBJECT.findall(pdf) if b"beginbfchar" in body and (found := STREAM.search(body)))
    letters = {int(glyph, 16): bytes.fromhex(char.decode()).decode("utf-16-be") for glyph, char in re.findall(
        rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>\n", cmap[cmap.index(b"beginbfchar") :]
    )}
    lines = []
    for shown in SHOWN.findall(_page(pdf)):
        raw = re.sub(rb"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), shown, flags=re.S)
        lines.append("".join(letters[int.from_bytes(raw[at : at + 2])] for at in range(0, len(raw), 2)))
    return "\n".join(lines)


def modules(pdf: bytes, size: int) -> tuple[tuple[int, ...], ...]:
    """The dark modules of the code of `size` × `size` modules that is drawn as filled rectangles."""
    drawn = [tuple(float(number) for number in found) for found in FILLED.findall(_page(pdf))]
    left, top = min(x for x, *_ in drawn), max(y for _, y, *_ in drawn)
    side = -drawn[0][3]  # rectangles go down from their corner
    grid = [[0] * size for _ in range(size)]
    for x, y, width, _ in drawn:
        for step in range(round(width / side)):
            grid[round((top - y) / side)][round((x - left) / side) + step] = 1
    return tuple(tuple(row) for row in grid)


def links(pdf: bytes) -> list[str]:
    return [found.decode() for found in re.findall(rb"/URI \((.*?)\)", pdf)]
