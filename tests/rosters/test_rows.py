"""Reading and judging: whatever a file pretends to be, and every kind of cell that people write."""

import io
import zipfile
from datetime import date, datetime, timedelta

import openpyxl
import pytest

from app import clock
from app.errors import UnsupportedMediaType, ValidationFailed
from app.rosters import files, rows, workflow
from app.rosters.rows import Person
from tests.rosters.conftest import HEAD, sheet

TODAY = clock.today()


def test_numbers_as_people_write_them() -> None:
    parsed = files.parse(sheet(
        ["备注", "手机号", "姓名"], ["", 13800138001.0, "甲"], ["", "+86 138-0013-8002", "乙"], ["", "１３８００１３８００３", "丙　丁"],
        [None, None, None], ["", "13800138004", ""], ["", "02112345678", "丁"], ["", "13800138001", "戊"], ["早班", 13800138001, " 甲"],
    ))
    assert parsed.people == [Person("甲", "13800138001"), Person("乙", "13800138002"), Person("丙 丁", "13800138003")]
    assert [(error.row, error.columns) for error in parsed.errors] == [(6, "姓名"), (7, "手机号"), (8, "手机号")]
    assert "第 2 行" in parsed.errors[2].reason and parsed.duplicates == 1


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2026, 3, 1), date(2026, 3, 1)), (datetime(2026, 3, 1, 8, 30), date(2026, 3, 1)), ("2026-03-01", date(2026, 3, 1)),
        ("2026/3/1", date(2026, 3, 1)), ("2026.3.1", date(2026, 3, 1)), ("20260301", date(2026, 3, 1)), (20260301, date(2026, 3, 1)),
        ("2026年3月1日", date(2026, 3, 1)), ("２０２６－０３－０１", date(2026, 3, 1)),
        (46082, date(2026, 3, 1)), (46082.75, date(2026, 3, 1)),
        ("1950-01-01", date(1950, 1, 1)), (TODAY + timedelta(days=365), TODAY + timedelta(days=365)), (None, None), ("  ", None),
        ("1949-12-31", ...), (TODAY + timedelta(days=367), ...), ("2026-02-30", ...), ("2026-3/1", ...), ("明天", ...), ("46082", ...),
        (True, ...), (-5, ...), (1e300, ...), ("20261301", ...), ("2026-03", ...),
    ],
)
def test_days_as_people_write_them(cell, day) -> None:
    parsed = rows.judge([["姓名", "手机号", "入职日期"], ["王小明", "13800138000", cell]])
    if day is ...:
        assert not parsed.people and [error.columns for error in parsed.errors] == ["入职日期"]
    else:
        assert [person.since for person in parsed.people] == [day] and not parsed.errors


def test_days_in_a_real_sheet_and_in_one_that_counts_from_1904() -> None:
    table = [["name", "phone", "since"], ["王小明", 13800138000, date(2026, 3, 1)], ["李四", 13800138001, 46082]]
    assert [person.since for person in files.parse(sheet(*table)).people] == [date(2026, 3, 1)] * 2
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for row in [["name", "phone", "since"], ["李四", 13800138001, 46082 - 1462]]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    assert [person.since for person in files.parse(out.getvalue()).people] == [date(2026, 3, 1)]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("王" * 40, False), ("王" * 41, True), ("王\u200b明", True), ("王\n明", True), ("\x07", True), ("\ud800", True), ("=1+1", False),
        ("  ", True), (None, True), ("张\u3000三", False),
    ],
)
def test_names(name, bad: bool) -> None:
    parsed = rows.judge([["姓名", "手机号"], [name, "13800138000"]])
    assert bool(parsed.errors) is bad is not bool(parsed.people)
    for error in parsed.errors:
        assert error.columns == "姓名" and error.name.isprintable() and "明" not in error.name


def test_one_entry_for_a_row_with_several_faults() -> None:
    head = ["姓名", "手机号", "入职日期", "备注"]
    parsed = rows.judge([head, ["欧阳小明", "123", "昨天", "早" * 201], ["王", "13800138000", "", "早" * 200]])
    assert [(error.row, error.name, error.columns) for error in parsed.errors] == [(2, "欧阳*", "手机号、入职日期、备注")]
    assert parsed.people == [Person("王", "13800138000", None, "早" * 200)]


def test_rows_are_counted_as_a_spreadsheet_shows_them() -> None:
    text = ",,,\n" + HEAD + "王小明,13800138000,,\n\n,,,\n李四,1,,\n\"赵\n六\",13800138002,,\n张三,2,,\n"
    assert [error.row for error in files.parse(text.encode()).errors] == [6, 7, 8]
    book = openpyxl.Workbook()
    for at, row in {1: ["姓名", "手机号"], 4: ["王小明", 13800138000], 9: ["李四", "1"]}.items():
        for column, value in enumerate(row, start=1):
            book.active.cell(at, column, value)
    out = io.BytesIO()
    book.save(out)
    parsed = files.parse(out.getvalue())
    assert (len(parsed.people), [error.row for error in parsed.errors]) == (1, [9])


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (files.UNPACKED_BYTES + 1))
    return out.getvalue()


def _not_a_book() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", UnsupportedMediaType), (b"\x89PNG\r\n\x1a\n\x00\x00", UnsupportedMediaType), (b"%PDF-1.7\x00", UnsupportedMediaType),
        (_not_a_book(), UnsupportedMediaType), ("姓名,电话\n王,1\n".encode(), ValidationFailed), (_bomb(), ValidationFailed),
        (sheet(["姓名", "手机号"])[:-40], ValidationFailed), (b"PK\x03\x04 and nothing else", ValidationFailed),
        ((HEAD + "".join(f"王,1380{n:07d},,\n" for n in range(rows.MAX_LINES + 1))).encode(), ValidationFailed),
        ((HEAD + "王,1,,\n" * (rows.MAX_ROWS + 1)).encode(), ValidationFailed),
    ],
)
def test_files_that_are_no_rosters(data: bytes, refusal) -> None:
    with pytest.raises(refusal):
        files.parse(data)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("王小明", " 王 小明", True), ("阿卜杜拉·买买提", "阿卜杜拉•买买提", True), ("Ｌｉ Ming", "li ming", True),
        ("张　三", "张三", True),
        ("王小明", "王小民", False),
    ],
)
def test_names_that_are_the_same(one: str, other: str, same: bool) -> None:
    assert workflow.same_name(one, other) is same
