"""Rows as files: what is read back is what went in, and no text becomes a formula."""

import csv
import io
import re
from datetime import UTC, datetime
from zipfile import ZipFile

import openpyxl
import pytest

from app.export import tables

COLUMNS = ["单号", "数量", "时间", "备注"]
AT = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
ROWS = [["D20261122-000001", 2, AT, "=1+1"], ["D20261122-000002", -3, None, "＝SUM(A1)"], ["@x", 1, AT, "张三\t😀"]]


def render(format: str, rows: list[list[tables.Cell]] = ROWS) -> bytes:
    return bytes(tables.render(format, title="某店 2026-11 结算单", columns=COLUMNS, rows=rows, name="结算-2026-11").body)


@pytest.mark.check("S43", part=True)
def test_csv_opens_in_excel_and_holds_no_formula() -> None:
    content = render("csv")
    assert content.startswith(b"\xef\xbb\xbf")
    first, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert first == COLUMNS
    assert rows[0] == ["D20261122-000001", "2", "2026-11-23 01:30:00", "'=1+1"]
    assert rows[1] == ["D20261122-000002", "-3", "", "'＝SUM(A1)"]  # a number may be negative
    assert rows[2][0] == "'@x"


@pytest.mark.check("S43", part=True)
def test_xlsx_holds_texts_and_numbers_and_no_formula() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(render("xlsx"))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()][1] == ["D20261122-000001", 2, "2026-11-23 01:30:00", "=1+1"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    with ZipFile(io.BytesIO(render("xlsx"))) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_pdf_embeds_the_chinese_font_and_survives_unknown_characters() -> None:
    content = render("pdf")
    assert content.startswith(b"%PDF-") and b"/FontFile2" in content and b"MicroHei" in content


def test_pdf_goes_on_upon_the_next_page_with_a_row_that_no_page_holds() -> None:
    """And breaks texts without spaces where the cell is full."""
    long = [["D20261122-000001", 2, AT, "备注" * 2_000], *[["D20261122-000002", 3, AT, "第一行\n第二行"]] * 30]
    pages = [int(count) for count in re.findall(rb"/Count (\d+)", render("pdf", long))]
    assert len(pages) == 1 and pages[0] > 3


@pytest.mark.parametrize("format", ["json", "csv", "xlsx", "pdf"])
def test_the_same_rows_give_the_same_bytes_and_no_rows_are_fine(format: str) -> None:
    assert render(format) == render(format)
    assert render(format, [])


def test_a_download_names_its_file_and_is_kept_by_nobody() -> None:
    headers = tables.render("csv", title="x", columns=COLUMNS, rows=[], name='结算"\r\n-2026').headers
    assert headers["content-disposition"].startswith("attachment; filename=\"_____-2026.csv\"")
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
