"""Draws certificates as PDF: one A4 page to print and to hang up, with a code that opens the page which says whether it is still valid."""

import math
from itertools import groupby

import segno
from fpdf import FPDF
from fpdf.enums import WrapMode

from app.export import pdf
from app.export.certificates import Certificate, told

RED, BLACK, GREY = (168, 32, 26), (20, 20, 20), (110, 110, 110)
LEFT, WIDTH = 38.0, 221.0  # of the text, in millimetres, on a page of 297 × 210
MILLIMETRES, LEADING = 0.3528, 0.62  # of a point; of a line, for each point of the letters
CODE_X, CODE_Y, CODE_SIZE, BESIDE_CODE = 40.0, 133.0, 38.0, 90.0
RARE = f"“{pdf.UNKNOWN}”处为字库之外的生僻字，以本人证件为准。"


def document(certificate: Certificate) -> bytes:
    """The same certificate gives the same bytes. Blocks for the length of the work: call it in a thread."""
    paper = FPDF(orientation="landscape", format="A4")
    paper.set_auto_page_break(False)
    drawable = pdf.prepared(paper)
    paper.set_title(certificate.title)
    paper.add_page()
    _frame(paper)
    _words(paper, certificate, drawable)
    _code(paper, certificate)
    return bytes(paper.output())


def code(url: str) -> tuple[tuple[int, ...], ...]:
    """The modules of the code that opens `url`, row by row, 1 for a dark one, without the quiet zone."""
    return tuple(tuple(int(module) for module in row) for row in segno.make(url, error="m", micro=False).matrix)


def _frame(paper: FPDF) -> None:
    paper.set_draw_color(*RED)
    for inset, line in ((10.0, 1.4), (13.0, 0.4)):
        paper.set_line_width(line)
        paper.rect(inset, inset, 297 - 2 * inset, 210 - 2 * inset)


def _words(paper: FPDF, certificate: Certificate, drawable: frozenset[int]) -> None:
    def block(text: str, *, y: float, size: float, align: str, room: float = 12, color: tuple[int, int, int] = BLACK) -> None:
        left = BESIDE_CODE if align == "R" else LEFT
        width = LEFT + WIDTH - left
        fitting = min(size, _fitting(len(text), width, room))
        paper.set_xy(left, y)
        paper.set_font(pdf.FAMILY, size=fitting)
        paper.set_text_color(*color)
        paper.multi_cell(width, fitting * LEADING, pdf.drawn(text, drawable), align=align, wrapmode=WrapMode.CHAR)

    block("　".join(certificate.title), y=30, size=46, align="C", room=30, color=RED)
    block(f"{certificate.to}：", y=66, size=24, align="L", room=17)
    block(f"　　{certificate.text}", y=86, size=20, align="L", room=36)
    block("特发此证。", y=123, size=20, align="R")
    block(certificate.issuer, y=144, size=18, align="R")
    block(told(certificate.issued_on), y=158, size=18, align="R")
    block(f"编号 {certificate.number}　　扫码核验", y=CODE_Y + CODE_SIZE + 3, size=10, align="L", color=GREY)
    if pdf.drawn(certificate.to, drawable) != certificate.to:
        block(RARE, y=186, size=9, align="L", color=GREY)


def _fitting(characters: int, width: float, height: float) -> float:
    """The size at which so many Chinese characters fill four fifths of a box: names of firms and places may be long."""
    return math.sqrt(0.8 * width * height / (max(1, characters) * MILLIMETRES * LEADING))


def _code(paper: FPDF, certificate: Certificate) -> None:
    """Dark modules that lie side by side are one rectangle; a reader who taps it is led to the same page."""
    modules = code(certificate.verify_url)
    size = CODE_SIZE / len(modules)
    paper.set_fill_color(0, 0, 0)
    for at, row in enumerate(modules):
        x = CODE_X
        for dark, run in groupby(row):
            width = size * len(list(run))
            if dark:
                paper.rect(x, CODE_Y + at * size, width, size, style="F")
            x += width
    paper.link(CODE_X, CODE_Y, CODE_SIZE, CODE_SIZE, certificate.verify_url)
