"""Query parameters of figures."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from app import clock
from app.errors import ValidationFailed
from app.schemas import Day

LONGEST_DAYS = 366
AreaId = Annotated[UUID, Query(description="区域（含下级）", examples=["01933c5e-7a00-7000-8000-000000000001"])]


async def day(on: Annotated[Day | None, Query(description="哪一天；不填为今天", examples=["2026-11-20"])] = None) -> date:
    return on or clock.today()


async def days(
    first: Annotated[Day, Query(alias="from", description="起始日（含）", examples=["2026-11-01"])],
    last: Annotated[Day, Query(alias="to", description="截止日（含）", examples=["2026-11-30"])],
) -> tuple[date, date]:
    """Raises ValidationFailed for a span that ends before it begins, or is longer than a year."""
    if not 0 <= (last - first).days <= LONGEST_DAYS:
        raise ValidationFailed.of("query", "to", msg="截止日应不早于起始日，且跨度不超过一年", kind="to")
    return first, last


On = Annotated[date, Depends(day)]
Days = Annotated[tuple[date, date], Depends(days)]
OnOrAll = Annotated[Day | None, Query(description="只看这一天有效的；不填为全部", examples=["2026-11-20"])]
