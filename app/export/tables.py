"""One way in which rows become a file: csv, xlsx or pdf (and json, where an answer has no model of its own).

Every text cell stays a text: a name that begins like a formula must not become one in somebody's spreadsheet.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from app import clock

# What a spreadsheet takes for the beginning of a formula, the full-width forms too (some programs fold them).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
Cell = str | int | float | date | datetime | None


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
}


def render(format: str, *, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], name: str) -> Response:
    """A download of `rows`, whose cells stand in the order of `columns`. `name` is the file's name without its ending.

    Numbers stay numbers, instants are told in Shanghai time. Blocks for the length of the work: for tens of thousands of rows,
    call it in a thread.
    """
    kind = Format(format)
    table = [[_told(cell) for cell in row] for row in rows]
    make = {Format.JSON: _json, Format.CSV: _csv, Format.XLSX: _xlsx, Format.PDF: _pdf}[kind]
    filename = f"{name}.{kind}"
    plain_name = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in filename)
    return Response(
        make(title, list(columns), table),
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(filename, safe='')}",
            "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        },
        media_type=MEDIA_TYPES[kind],
    )


def yuan(cents: int) -> float:
    """An amount as a spreadsheet adds it up: two decimals at most, exact far beyond any settlement."""
    return cents / 100


def _told(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        aware = cell if cell.tzinfo else cell.replace(tzinfo=UTC)
        return clock.local(aware).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, bool):
        return "是" if cell else "否"
    return cell if isinstance(cell, int | float) else str(cell)


def _json(title: str, columns: list[str], rows: list[list[Any]]) -> bytes:
    items = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps({"title": title, "items": items}, ensure_ascii=False).encode()


def _csv(title: str, columns: list[str], rows: list[list[Any]]) -> bytes:
    """With a byte order mark, without which Excel reads Chinese as garbage."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in [columns, *rows]:
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(cell: str | int | float) -> str | int | float:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def _xlsx(title: str, columns: list[str], rows: list[list[Any]]) -> bytes:
    """`write_string` for every text, so that none is taken for a formula, a link or a number."""
    import xlsxwriter  # loaded by the first download, not by every start

    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "constant_memory": False})
    book.set_properties({"title": title, "created": datetime(2026, 1, 1)})
    sheet = book.add_worksheet(_sheet_name(title))
    bold = book.add_format({"bold": True})
    for index, column in enumerate(columns):
        longest = max((len(str(row[index])) for row in rows), default=0)
        sheet.set_column(index, index, min(50, max(10, 2 * len(column), longest + 2)))
        sheet.write_string(0, index, column, bold)
    for line, row in enumerate(rows, start=1):
        for index, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(line, index, cell)
            else:
                sheet.write_number(line, index, cell)
    sheet.freeze_panes(1, 0)
    book.close()
    return content.getvalue()


def _pdf(title: str, columns: list[str], rows: list[list[Any]]) -> bytes:
    from app.export import pdf  # as above: fonts and drawing take half a second

    return pdf.document(title, columns, rows)


def _sheet_name(title: str) -> str:
    """A worksheet's name has at most 31 characters, none of []:*?/\\ and no apostrophe at its ends."""
    return "".join(char for char in title if char not in "[]:*?/\\'")[:31] or "Sheet1"
