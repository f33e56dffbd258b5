"""The rows of a roster, judged one by one: people, harmless repetitions, errors that a person can mend."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app import clock
from app.errors import ValidationFailed
from app.members import masking
from app.rosters.workflow import normal_name

MAX_LINES, MAX_ROWS, MAX_COLUMNS = 5_000, 20_000, 50
MAX_NAME, MAX_NOTE = 40, 200
TITLES = {"name": "姓名", "phone": "手机号", "since": "入职日期", "note": "备注"}
HEADINGS = {title: key for key, title in TITLES.items()} | {key: key for key in TITLES}
MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")
DAY = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))"
)
FIRST_DAY = date(1950, 1, 1)
EPOCH = datetime(1899, 12, 30)  # from which a spreadsheet counts its days, unless it says otherwise


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a roster: a name, a mobile number, perhaps the first day at work and a note of the uploader."""

    name: str
    phone: str
    since: date | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was not taken in: its number as a spreadsheet shows it, a masked name, the columns and what is wrong with them."""

    row: int
    name: str
    columns: str
    reason: str


@dataclass(slots=True)
class Parsed:
    """A whole file: its people, its errors, how many rows say again what a row before them said."""

    people: list[Person] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    duplicates: int = 0


class _Bad(ValueError):
    """A cell that cannot be taken in; the text is for the person who filled it."""


def refused(message: str, kind: str) -> ValidationFailed:
    return ValidationFailed.of("body", "file", msg=message, kind=kind)


def judge(rows: Iterable[Sequence[Any]], *, epoch: datetime = EPOCH) -> Parsed:
    """Every row of a sheet, empty ones too: the first that says anything names the columns.

    Raises ValidationFailed for a file without the columns, with too many rows or people.
    """
    parsed, seen = Parsed(), dict[str, tuple[int, str]]()
    columns: dict[str, int] | None = None
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS + 1:
            raise refused("行数过多", "too_long")
        cells = [_text(value) for value in row[:MAX_COLUMNS]]
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells)
            continue
        told = {key: row[at] for key, at in columns.items() if at < len(row)}
        _take(parsed, seen, number, told, epoch)
        if len(parsed.people) > MAX_LINES:
            raise refused(f"最多 {MAX_LINES} 人", "too_long")
    if columns is None:
        raise refused("文件是空的", "missing")
    return parsed


def _columns(cells: Sequence[str]) -> dict[str, int]:
    found = {HEADINGS[cell.lower()]: at for at, cell in enumerate(cells) if cell.lower() in HEADINGS}
    if not {"name", "phone"} <= found.keys():
        raise refused("第一行应为列名，至少包括“姓名”和“手机号”", "missing")
    return found


def _take(parsed: Parsed, seen: dict[str, tuple[int, str]], number: int, told: dict[str, Any], epoch: datetime) -> None:
    """Adds one row to people, errors or duplicates. `seen` are the numbers so far with the row and the name that came first."""
    bad: dict[str, str] = {}
    name = _read(bad, "name", lambda: _name(told.get("name")))
    phone = _read(bad, "phone", lambda: _phone(told.get("phone")))
    since = _read(bad, "since", lambda: _since(told.get("since"), epoch))
    note = _read(bad, "note", lambda: _note(told.get("note")))
    if name and phone and phone in seen and seen[phone][1] != normal_name(name):
        bad["phone"] = f"与第 {seen[phone][0]} 行手机号相同，姓名不同"
    if bad:
        columns = "、".join(TITLES[key] for key in bad)
        parsed.errors.append(RowError(number, _masked(told.get("name")), columns, "；".join(bad.values())))
    elif phone in seen:
        parsed.duplicates += 1
    else:
        seen[phone] = number, normal_name(name)
        parsed.people.append(Person(name, phone, since, note))


def _read(bad: dict[str, str], key: str, read: Any) -> Any:
    try:
        return read()
    except _Bad as error:
        bad[key] = str(error)
        return None


def _name(value: Any) -> str:
    name = _spaced(_text(value))
    if not name:
        raise _Bad("姓名为空")
    if len(name) > MAX_NAME:
        raise _Bad(f"姓名超过 {MAX_NAME} 个字")
    if not name.isprintable():
        raise _Bad("姓名含有无法识别的字符")
    return name


def _phone(value: Any) -> str:
    text = _text(value)
    if not text:
        raise _Bad("手机号为空")
    number = MOBILE.fullmatch(re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text)))
    if number is None:
        raise _Bad("不是有效的手机号")
    return number[1]


def _since(value: Any, epoch: datetime) -> date | None:
    if not _text(value):
        return None
    try:
        day = _day(value, epoch)
    except (ValueError, OverflowError) as error:
        raise _Bad("入职日期无法识别") from error
    if not FIRST_DAY <= day <= _year_on(clock.today()):
        raise _Bad("入职日期应在 1950 年之后，且不晚于一年后")
    return day


def _day(value: Any, epoch: datetime) -> date:
    """Raises ValueError, OverflowError. A cell with a number is a spreadsheet's count of days, unless it is written like 20260301."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", _text(value)))
    written = DAY.fullmatch(text)
    if written is not None:
        year, _, *parts = written.groups()
        month, day = (int(part) for part in parts if part is not None)
        return date(int(year), month, day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (epoch + timedelta(days=float(value))).date()
    raise ValueError


def _year_on(day: date) -> date:
    """The same day of the next year; the last of February has none in most years."""
    return date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


def _note(value: Any) -> str | None:
    note = _text(value)
    if len(note) > MAX_NOTE:
        raise _Bad(f"备注超过 {MAX_NOTE} 个字")
    if not all(char.isprintable() or char in "\n\r\t\u3000\u00a0" for char in note):
        raise _Bad("备注含有无法识别的字符")
    return note or None


def _text(value: Any) -> str:
    """A spreadsheet keeps a phone number as a number: eleven digits, perhaps with a fraction of nothing."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _spaced(text: str) -> str:
    """Wide and other spaces, which forms are filled with (张　三), as plain ones."""
    return "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)


def _masked(value: Any) -> str:
    """What an error shows of a name, whatever stands in its place."""
    shown = "".join(char for char in _spaced(_text(value)).strip() if char.isprintable())
    return masking.mask_name(shown) if shown else ""
