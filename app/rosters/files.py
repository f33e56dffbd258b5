"""Rosters as people send them: xlsx, or csv in UTF-8 or GB18030. What a cell looks like is never more than a text: a formula is data."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from anyio import CapacityLimiter, to_thread
from defusedxml import DefusedXmlException
from fastapi import UploadFile

from app.errors import PayloadTooLarge, UnsupportedMediaType
from app.middleware.limits import FILE_BYTES
from app.rosters import rows
from app.rosters.rows import Parsed, refused

MAX_PARTS, UNPACKED_BYTES = 500, 50 * 1024 * 1024
ZIP_START = b"PK\x03\x04"
# What the readers raise on a file that is not what its first bytes promise.
BROKEN = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, csv.Error,
    ParseError, DefusedXmlException, ArithmeticError,
)
_READERS = CapacityLimiter(1)


async def read(file: UploadFile) -> Parsed:
    """Judges a file in a thread, one at a time, so that the answer tells at once what is wrong with it.

    Raises PayloadTooLarge, UnsupportedMediaType, ValidationFailed for a file without the columns or with too many lines.
    """
    if file.size is None or file.size > FILE_BYTES:
        raise PayloadTooLarge("文件不能超过 10 MB", limit=FILE_BYTES)
    async with _READERS:
        return await to_thread.run_sync(parse, await file.read())


def parse(data: bytes) -> Parsed:
    """Judged by content, not by name. Raises as `read`."""
    sheet, epoch = _sheet(data) if data.startswith(ZIP_START) else (_text(data), rows.EPOCH)
    try:
        return rows.judge(sheet, epoch=epoch)
    except BROKEN as error:
        raise refused("文件已损坏，无法读取", "file_broken") from error


def _text(data: bytes) -> Iterable[Sequence[Any]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.strip() and not any(ord(char) < 32 and char not in "\t\r\n" for char in text):
            return csv.reader(io.StringIO(text, newline=""))
    raise UnsupportedMediaType("请上传 xlsx 或 csv 文件")


def _sheet(data: bytes) -> tuple[Iterable[Sequence[Any]], datetime]:
    """The first sheet, and the day that its dates count from.

    The sizes that the archive declares bound what is unpacked: no part is read beyond its own.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
        if "xl/workbook.xml" not in {part.filename for part in parts}:
            raise UnsupportedMediaType("请上传 xlsx 或 csv 文件")
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
            raise refused("文件内容过大", "too_long")
        import openpyxl  # half a second of loading, which only who reads a roster should pay

        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        found: Iterator[Sequence[Any]] = sheet.iter_rows(values_only=True, max_col=rows.MAX_COLUMNS)
        return found, book.epoch
    except BROKEN as error:
        raise refused("文件已损坏，无法读取", "file_broken") from error
