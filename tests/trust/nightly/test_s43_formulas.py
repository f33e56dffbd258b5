"""S43, formulas: whatever text of whatever command is one, every table that can be downloaded holds it as a text."""

import csv
import io
import itertools
import zipfile
from typing import Any

import openpyxl
import pytest

from app.export import tables
from tests.access.estate import Estate
from tests.access.ground import asked, estate, ground
from tests.access.requests import Request
from tests.support.traces import undone
from tests.trust.plugin import Measure
from tests.trust.rig.inputs import asking, callers, kept, saying, texts

__all__ = ["asked", "estate", "ground"]
MARK = "zqformula"
FORMULAS = [f"{start}{MARK}(1)" for start in ("=", "+", "-", "@", "＝", "＋", "－", "＠")] + [
    f"=HYPERLINK(\"http://127.0.0.1/\",\"{MARK}\")", f"=cmd|' /C calc'!{MARK}", f" ={MARK}(1)", f"@SUM(1+1)*{MARK}",
]
BEGINS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


async def written(estate: Estate, asked: list[Request]) -> int:
    """Into every text of every command; how many took it."""
    taken, turns = 0, itertools.cycle(FORMULAS)
    for request in asked:
        if request.method == "GET" or request.call.file or request.call.body is None:
            continue
        who = callers(request)[:1]
        for at in texts(request.call.body):
            taken += bool(who) and await kept(estate, saying(request, at, next(turns)), who[0])
    return taken


def cells(content: bytes, format: str) -> tuple[list[str], list[str]]:
    """All texts of a table, and those that a spreadsheet would take for a formula."""
    if format == "csv":
        found = [cell for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) for cell in row]
        return found, [cell for cell in found if cell.lstrip(" ").startswith(BEGINS) and not _number(cell)]
    book = openpyxl.load_workbook(io.BytesIO(content))
    all_ = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [(name, parts.read(name)) for name in parts.namelist() if name.startswith("xl/worksheets/")]
    live = [name for name, sheet in sheets if any(mark in sheet for mark in (b"<f>", b"<f ", b"<hyperlink"))]
    wrong = [str(cell.value) for cell in all_ if cell.data_type not in ("s", "n", "inlineStr")]
    return [str(cell.value) for cell in all_ if cell.value is not None], wrong + live


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


async def downloads(estate: Estate, asked: list[Request], document: dict[str, Any]) -> tuple[int, int, list[str]]:
    """How many tables were looked at, in how many of their cells the mark stands, and what is no text."""
    looked, marked, wrong = 0, 0, []
    for request in asked:
        operation = document["paths"][request.call.template].get(request.method.lower(), {})
        names = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        given = ("csv", "xlsx") if "format" in names else ("csv",) if request.name.endswith("/roster/errors") else ()
        for format, who in itertools.product(given, callers(request)[:2]):
            async with undone(estate.connection):
                answer = await (asking(request, "format", format) if "format" in names else request).send(estate, who)
            kind = answer.headers.get("content-type", "")
            if not answer.is_success or not ("csv" in kind or "sheet" in kind):
                continue
            found, bad = cells(answer.content, "csv" if "csv" in kind else "xlsx")
            looked, marked = looked + 1, marked + sum(MARK in cell for cell in found)
            wrong += [f"{request.name} {format}: {cell}" for cell in bad]
    return looked, marked, wrong


@pytest.mark.check("S43", part=True)
async def test_no_text_becomes_a_formula(
    estate: Estate, asked: list[Request], document: dict[str, Any], measured: Measure
) -> None:
    taken = await written(estate, asked)
    looked, marked, wrong = await downloads(estate, asked, document)
    measured("texts that took a formula", taken)
    measured("tables downloaded", looked)
    measured("cells with one", marked)
    measured("cells that are no text", len(wrong))
    assert wrong == [] and taken > 50 and looked > 4


@pytest.mark.check("S43", part=True)
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_each_formula_in_each_column_is_a_text(format: str) -> None:
    """Of names and notes that no command takes as well: what writes the tables is one function."""
    some = [*FORMULAS, "\t=1+1", "\r=1+1", "=1+1\n=2+2", "=" + "A" * 8_000]
    made = tables.render(format, title=f"={MARK}", columns=[f"={MARK}"] * 3, rows=[[text, text, text] for text in some], name="x")
    found, wrong = cells(bytes(made.body), format)
    assert wrong == [] and len(found) == 3 * (len(some) + 1)


@pytest.mark.variant("S43")
async def test_a_plain_writer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The faults put back: csv as Python writes it, and openpyxl, which makes a formula of `=…` by itself."""
    monkeypatch.setattr(tables, "_harmless", lambda cell: cell)
    made = tables.render("csv", title="x", columns=["a"], rows=[[text] for text in FORMULAS], name="x")
    assert len(cells(bytes(made.body), "csv")[1]) == len(FORMULAS)
    book, written = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["=1+1"])
    book.save(written)
    assert cells(written.getvalue(), "xlsx")[1]
