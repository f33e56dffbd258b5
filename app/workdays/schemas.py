"""Bodies and answers of the calendar."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import ConfigDict

from app.errors import ValidationFailed
from app.schemas import Body, Day, Out, Word
from app.workdays.models import Source

LONGEST_DAYS = 366
EXAMPLE: dict[str, Any] = {"day": "2026-10-10", "workday": True, "note": "调休上班", "source": "notice"}


class DayIn(Body):
    """What a notice says of a day."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"workday": True, "note": "调休上班"}]})

    workday: bool
    note: Word | None = None


class DayOut(Out):
    """One day: does it count as a working day, why does it differ from the weekday's rule, and who says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    day: Day
    workday: bool
    note: str | None
    source: Source


class Days(Out):
    """Every day that was asked for, the earliest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

    items: list[DayOut]


async def span(
    first: Annotated[Day, Query(alias="from", description="起始日（含）", examples=["2026-10-01"])],
    last: Annotated[Day, Query(alias="to", description="截止日（含）", examples=["2026-10-31"])],
) -> tuple[date, date]:
    """Raises ValidationFailed for a span that ends before it begins, or is longer than a year."""
    if not 0 <= (last - first).days < LONGEST_DAYS:
        raise ValidationFailed.of("query", "to", msg="截止日应不早于起始日，且跨度不超过一年", kind="to")
    return first, last


Span = Annotated[tuple[date, date], Depends(span)]
