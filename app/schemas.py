"""The strict base of every request and response model, and the bounded types they are made of."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

INT32 = 2**31 - 1
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Body(BaseModel):
    """A request body: unknown fields are refused, numbers are finite, text is trimmed."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


class Out(BaseModel):
    """An answer. Fields have no defaults: an endpoint that forgets one fails in its tests, not on a phone."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def _printable(text: str) -> str:
    """PostgreSQL refuses NUL; other control characters but line break and tab only serve to spoil logs and exports."""
    if UNPRINTABLE.search(text):
        raise ValueError("含有不允许的控制字符")
    return text


def _single_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("不能换行")
    return text


def _sane_instant(value: datetime) -> datetime:
    """Keeps room for time zones and durations: years 1 and 9999 overflow as soon as anything is added."""
    if not 1900 <= value.year <= 2200:
        raise ValueError("时间超出范围")
    return value if value.tzinfo is UTC else value.astimezone(UTC)  # which JSON tells with a Z


def _sane_day(value: date) -> date:
    if not 1900 <= value.year <= 2200:
        raise ValueError("日期超出范围")
    return value


Line = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_printable), AfterValidator(_single_line)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_printable), AfterValidator(_single_line)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_printable)]
Paragraphs = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_printable)]
OptionalNote = Annotated[str, StringConstraints(max_length=500), AfterValidator(_printable)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Instant = Annotated[AwareDatetime, AfterValidator(_sane_instant)]
Day = Annotated[date, AfterValidator(_sane_day)]
Count = Annotated[int, Field(ge=0, le=INT32, strict=True)]
Positive = Annotated[int, Field(ge=1, le=INT32, strict=True)]
Cents = Annotated[int, Field(ge=0, le=100_000_000, strict=True)]
Mobile = Annotated[str, StringConstraints(pattern=r"^1[3-9]\d{9}$")]
Phone = Annotated[str, StringConstraints(min_length=5, max_length=20, pattern=r"^[0-9+\-() ]+$")]


class Named(Out):
    """A thing told by id and name, as answers embed areas, organisations, stores."""

    id: UUID
    name: str


def named(row: Any) -> dict[str, Any] | None:
    return None if row is None else {"id": row.id, "name": row.name}


class Occupation(StrEnum):
    """What somebody does for a living; the trades that an organisation is there for are the same words."""

    COURIER = "courier"
    FOOD_DELIVERY = "food_delivery"
    RIDE_HAILING = "ride_hailing"
    TRUCK_DRIVER = "truck_driver"
    STREAMER = "streamer"
    DOMESTIC_SERVICE = "domestic_service"
    OTHER = "other"
