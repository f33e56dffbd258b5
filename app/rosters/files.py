"""Rosters as people send them: xlsx, or csv in UTF-8 or GB18030. What a cell looks like is never more than a text: a formula is data."""

import csv
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

from anyio import CapacityLimiter, to_thread
from defusedxml import DefusedXmlException
from fastapi import UploadFile

from app.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from app.middleware.limits import FILE_BYTES

MAX_LINES, MAX_ROWS, MAX_COLUMNS = 5_000, 20_000, 50
MAX_PARTS, UNPACKED_BYTES = 500, 50 * 1024 * 1024
ZIP_START, MAX_NAME = b"PK\x03\x04", 40
HEADINGS = {"姓名": "name", "name": "name", "手机号": "phone", "phone": "phone"}
MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
# What the readers raise on a file that is not what its first bytes promise.
BROKEN = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, csv.Error,
    ParseError, DefusedXmlException,
)
_READERS = CapacityLimiter(1)


@dataclass(frozen=True, slots=True)
class Person:
    """One line: a name and a mobile number. The first day and the note that a roster may carry are not needed, so they are not taken."""

    name: str
    phone: str


@dataclass(slots=True)
class Parsed:
    """The people of a roster, and how many lines name nobody or repeat a number."""

    people: list[Person] = field(default_factory=list)
    invalid: int = 0


async def read(file: UploadFile) -> Parsed:
    """Raises PayloadTooLarge, UnsupportedMediaType, ValidationFailed for a file without the columns or with too many lines."""
    if file.size is None or file.size > FILE_BYTES:
        raise PayloadTooLarge("文件不能超过 10 MB", limit=FILE_BYTES)
    async with _READERS:
        return await to_thread.run_sync(parse, await file.read())


def parse(data: bytes) -> Parsed:
    """Judged by content, not by name. Raises as `read`."""
    rows = _sheet(data) if data.startswith(ZIP_START) else _text(data)
    try:
        return _people(rows)
    except BROKEN as error:
        raise _refused("文件已损坏，无法读取", "file_broken") from error


def _refused(message: str, kind: str) -> ValidationFailed:
    return ValidationFailed.of("body", "file", msg=message, kind=kind)


def _text(data: bytes) -> Iterator[Sequence[Any]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.strip() and not any(ord(char) < 32 and char not in "\t\r\n" for char in text):
            return csv.reader(io.StringIO(text, newline=""))
    raise UnsupportedMediaType("请上传 xlsx 或 csv 文件")


def _sheet(data: bytes) -> Iterator[Sequence[Any]]:
    """The first sheet. The sizes that the archive declares bound what is unpacked: no part is read beyond its own."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
        if "xl/workbook.xml" not in {part.filename for part in parts}:
            raise UnsupportedMediaType("请上传 xlsx 或 csv 文件")
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
            raise _refused("文件内容过大", "too_long")
        import openpyxl  # half a second of loading, which only who reads a roster should pay

        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        rows: Iterator[Sequence[Any]] = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)
        return rows
    except BROKEN as error:
        raise _refused("文件已损坏，无法读取", "file_broken") from error


def _people(rows: Iterable[Sequence[Any]]) -> Parsed:
    parsed, seen = Parsed(), set[str]()
    columns: dict[str, int] | None = None
    for count, row in enumerate(rows):
        if count > MAX_ROWS:
            raise _refused("行数过多", "too_long")
        cells = [_cell(value) for value in row[:MAX_COLUMNS]]
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            continue
        person = _person(cells, columns)
        if person is None or person.phone in seen:
            parsed.invalid += 1
            continue
        seen.add(person.phone)
        parsed.people.append(person)
        if len(parsed.people) > MAX_LINES:
            raise _refused(f"最多 {MAX_LINES} 人", "too_long")
    if columns is None:
        raise _refused("文件是空的", "missing")
    return parsed


def _columns(cells: Sequence[str]) -> dict[str, int]:
    found = {HEADINGS[cell.lower()]: at for at, cell in enumerate(cells) if cell.lower() in HEADINGS}
    if found.keys() != {"name", "phone"}:
        raise _refused("第一行应为列名，至少包括“姓名”和“手机号”", "missing")
    return found


def _person(cells: Sequence[str], columns: dict[str, int]) -> Person | None:
    name, phone = (cells[columns[key]] if columns[key] < len(cells) else "" for key in ("name", "phone"))
    number = MOBILE.fullmatch(re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", phone)))
    if number is None or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        return None
    return Person(name, number[1])


def _cell(value: Any) -> str:
    """A spreadsheet keeps a phone number as a number: eleven digits, perhaps with a fraction of nothing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
