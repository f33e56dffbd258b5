"""Query parameters of maps and figures."""

import math
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from app.areas.models import Area
from app.auth.principal import Principal
from app.errors import Forbidden, NotFound, ValidationFailed
from app.reports import workflow
from app.schemas import Day

LONGEST_DAYS = 366


async def box(
    bbox: Annotated[
        str, Query(max_length=120, description="west,south,east,north（GCJ-02）", examples=["116.70,35.50,116.90,35.60"])
    ],
) -> tuple[float, float, float, float]:
    """Raises ValidationFailed for anything but four numbers of the globe in their order."""
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError as error:
        raise _bad("bbox", "应为 west,south,east,north 四个数") from error
    if not all(math.isfinite(value) for value in (west, south, east, north)):
        raise _bad("bbox", "应为 west,south,east,north 四个数")
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise _bad("bbox", "范围不正确")
    return west, south, east, north


async def days(
    first: Annotated[Day, Query(alias="from", description="起始日（含）", examples=["2026-11-01"])],
    last: Annotated[Day, Query(alias="to", description="截止日（含）", examples=["2026-11-30"])],
) -> tuple[date, date]:
    """Raises ValidationFailed for a span that ends before it begins, or is longer than a year."""
    if not 0 <= (last - first).days <= LONGEST_DAYS:
        raise _bad("to", "截止日应不早于起始日，且跨度不超过一年")
    return first, last


def access_figures(principal: Principal, area: Area) -> None:
    """Raises Forbidden for a caller without a grant of staff, NotFound for an area outside the caller's own."""
    if not principal.has(*workflow.STAFF):
        raise Forbidden
    if not principal.covers(area.path, *workflow.STAFF):
        raise NotFound


def _bad(name: str, message: str) -> ValidationFailed:
    return ValidationFailed.of("query", name, msg=message, kind=name)


AreaId = Annotated[UUID, Query(description="区域", examples=["01933c5e-7a00-7000-8000-000000000002"])]
BoxQuery = Annotated[tuple[float, float, float, float], Depends(box)]
DaysQuery = Annotated[tuple[date, date], Depends(days)]
Zoom = Annotated[int, Query(ge=0, le=22, description="地图缩放级别", examples=[14])]
FileFormat = Annotated[Literal["json", "csv", "xlsx"], Query(description="json 或下载的文件", examples=["json"])]
