"""Tables as PDF, with the Chinese font embedded: the viewers of phones have none for documents."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.fonts import FontFace

FONT = Path(__file__).parent / "fonts" / "wqy-microhei-gb2312.ttf"
FAMILY = "wqy"
MADE_ON = datetime(2026, 1, 1, tzinfo=UTC)  # fixed, so that the same rows give the same bytes
UNKNOWN = "□"


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
    heading = FontFace(fill_color=(235, 235, 235))
    with paper.table(headings_style=heading, col_widths=_widths(columns, rows), line_height=5, first_row_as_headings=True) as table:
        for cells in [columns, *rows]:
            row = table.row()
            for cell in cells:
                row.cell(drawn(str(cell), drawable), align="R" if isinstance(cell, int | float) else "L")
    return bytes(paper.output())


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
    return "".join(char if ord(char) in drawable else UNKNOWN for char in text if char >= " " or char == "\n")
