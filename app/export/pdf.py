"""Tables as PDF, with the Chinese font embedded: the viewers of phones have none for documents."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF

FONT = Path(__file__).parent / "fonts" / "wqy-microhei-gb2312.ttf"
FAMILY = "wqy"
MADE_ON = datetime(2026, 1, 1, tzinfo=UTC)  # fixed, so that the same rows give the same bytes
UNKNOWN = "□"
LINE, BASELINE, PADDING = 5.0, 3.5, 1.0  # millimetres
WIDEST = 3.0  # no character of the table's size is wider
PAGE_LINES = 30  # a cell with more may begin on any page


class _Document(FPDF):
    """Landscape A4 with the title at the top of the first page and page numbers at the foot of each."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FAMILY, size=8)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="C")


def document(title: str, columns: list[str], rows: list[list[Any]]) -> bytes:
    """The table under its title; the header row is repeated on every page."""
    paper = _Document(orientation="landscape", format="A4")
    drawable = prepared(paper)
    paper.set_title(drawn(title, drawable))
    paper.add_page()
    paper.set_font(FAMILY, size=14)
    paper.cell(0, 10, drawn(title, drawable), new_x="LMARGIN", new_y="NEXT")
    paper.set_font(FAMILY, size=8)
    paper.set_fill_color(235, 235, 235)
    shares = _widths(columns, rows)
    table = _Table(paper, [paper.epw * share / sum(shares) for share in shares], [drawn(name, drawable) for name in columns])
    for cells in rows:
        table.row([drawn(str(cell), drawable) for cell in cells], ["R" if isinstance(cell, int | float) else "L" for cell in cells])
    return bytes(paper.output())


class _Table:
    """Rows drawn cell by cell: the library's own table lays every text out twice, which takes ten thousand lines a minute."""

    def __init__(self, paper: FPDF, widths: Sequence[float], header: Sequence[str]) -> None:
        self._paper, self._widths, self._header = paper, widths, header
        self._measure = _measuring(paper)
        self._heading()

    def row(self, texts: Sequence[str], aligns: Sequence[str], *, fill: bool = False) -> None:
        """As many lines as its longest cell needs; what a page does not hold goes on upon the next one."""
        paper = self._paper
        cells = [self._lines(text, width) for text, width in zip(texts, self._widths, strict=True)]
        left = max(map(len, cells))
        while left > 0:
            room = int((paper.page_break_trigger - paper.get_y()) // LINE)
            if room < min(left, PAGE_LINES):
                paper.add_page()
                self._heading()
                room = int((paper.page_break_trigger - paper.get_y()) // LINE)
            part = min(left, room)
            self._draw([lines[:part] for lines in cells], aligns, part, fill=fill)
            cells, left = [lines[part:] for lines in cells], left - part

    def _heading(self) -> None:
        self.row(self._header, ["L"] * len(self._header), fill=True)

    def _draw(self, cells: Sequence[Sequence[str]], aligns: Sequence[str], height: int, *, fill: bool) -> None:
        paper, x, y = self._paper, self._paper.l_margin, self._paper.get_y()
        for lines, width, align in zip(cells, self._widths, aligns, strict=True):
            paper.rect(x, y, width, height * LINE, style="DF" if fill else "D")
            for number, line in enumerate(lines):
                inset = width - PADDING - self._measure(line) if align == "R" else PADDING
                if line:
                    paper.text(x + inset, y + number * LINE + BASELINE, line)
            x += width
        paper.set_xy(paper.l_margin, y + height * LINE)

    def _lines(self, text: str, width: float) -> list[str]:
        """Broken where the cell is full, at whatever character: Chinese has no spaces, and ids have none either."""
        room, lines = width - 2 * PADDING, []
        for paragraph in text.split("\n"):
            while self._measure(paragraph) > room:
                fits = len(paragraph)
                while fits > 1 and self._measure(paragraph[:fits]) > room:
                    fits -= max(1, int((self._measure(paragraph[:fits]) - room) / WIDEST))
                lines.append(paragraph[:fits])
                paragraph = paragraph[fits:]
            lines.append(paragraph)
        return lines


def _measuring(paper: FPDF) -> Callable[[str], float]:
    """The width of a text in the font as it is set now, adding up characters that were measured once each."""
    known: dict[str, float] = {}

    def measure(text: str) -> float:
        for char in set(text) - known.keys():
            known[char] = paper.get_string_width(char)
        return sum([known[char] for char in text])

    return measure


def prepared(paper: FPDF) -> frozenset[int]:
    """Gives a document its font and a fixed date, so that it is the same whenever it is made; returns what the font can draw."""
    paper.set_creation_date(MADE_ON)
    paper.add_font(FAMILY, "", str(FONT))
    return frozenset(getattr(paper.fonts[FAMILY], "cmap", ()))


def _widths(columns: list[str], rows: list[list[Any]]) -> tuple[int, ...]:
    """Shares of the page's width by the longest text of each column; a Chinese character counts for two."""
    return tuple(
        min(40, max(6, *(sum(1 if char.isascii() else 2 for char in str(cell)) for cell in column)))
        for column in zip(columns, *rows[:500], strict=True)
    )


def drawn(text: str, drawable: frozenset[int]) -> str:
    """A character that the font lacks is shown as a box, a control character not at all."""
    return "".join(char if char == "\n" or ord(char) in drawable else UNKNOWN for char in text if char >= " " or char == "\n")
