"""Rules and caps as answers, and the sentence that says why points were withheld."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.points import workflow_caps
from app.points.models import PointsRule
from app.points.models_rules import PointsCap
from app.schemas import named

FIELDS = ("code", "version", "title", "points", "points_max", "per_day", "per_week", "per_month", "per_year", "conditions")
Shown = dict[str, Any]


async def rules(session: AsyncSession, rows: Sequence[PointsRule]) -> list[Shown]:
    areas = await areas_queries.by_paths(session, [row.area_path for row in rows if row.area_path is not None])
    return [{name: getattr(row, name) for name in FIELDS} | _where(row, areas) for row in rows]


async def versions(session: AsyncSession, principal: Principal, rows: Sequence[PointsRule]) -> list[Shown]:
    shown = await rules(session, rows)
    return [
        line | {"made_by": row.made_by if _administers(principal, row) else None, "made_at": row.created_at}
        for row, line in zip(rows, shown, strict=True)
    ]


async def caps(session: AsyncSession, rows: Sequence[PointsCap]) -> list[Shown]:
    areas = await areas_queries.by_paths(session, [row.area_path for row in rows if row.area_path is not None])
    return [
        {
            "code": row.code, "title": f"{workflow_caps.TITLES[row.code]}上限", "version": row.version, "per_day": row.per_day,
            "per_month": row.per_month, "per_year": row.per_year,
        } | _where(row, areas)
        for row in rows
    ]


class _Placed(Protocol):
    area_path: Any
    valid_from: Any
    valid_until: Any


def _where(row: _Placed, areas: dict[str, Any]) -> Shown:
    first: date | None = row.valid_from
    last: date | None = row.valid_until
    return {"area": named(areas.get(row.area_path)) if row.area_path else None, "valid_from": first, "valid_until": last}


def _administers(principal: Principal, row: PointsRule) -> bool:
    """The platform's administrator, and those of an area: of the versions made for it or below it, and of the platform's."""
    if row.area_path is None:
        return principal.has(Role.PLATFORM_ADMIN, Role.AREA_ADMIN)
    return principal.has(Role.PLATFORM_ADMIN) or principal.covers(row.area_path, Role.AREA_ADMIN)
