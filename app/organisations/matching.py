"""Which organisation fits a person who registers without having scanned one's code."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import within
from app.db.session import AsyncSession
from app.organisations import queries, workflow
from app.organisations.models import KindWord, Organisation

Reason = Literal["work_area", "enterprise", "trade", "tenant"]
REASONS: tuple[Reason, ...] = ("work_area", "enterprise", "trade", "tenant")  # the order in which they count


async def nearest(
    session: AsyncSession, *, area_path: str, enterprise_ids: Collection[UUID], occupation: str | None = None
) -> tuple[Organisation | None, Reason | None]:
    """The organisation that fits a person best, and why. The first of these that there is:

    one that takes people in on the work area's path below the tenant, the deepest first; an employer's own in the same tenant; a trade
    committee on the path, one that names the occupation before one that names no trades; any other that takes people in at the tenant.
    Of several that fit alike: the kind of lower rank, then the oldest. An enterprise's own organisation takes in its own people only,
    one that is dissolved nobody. (None, None) when nothing fits: the tenant's root committee is no fit,
    `service.ensure_root_committee` gives it. Raises NotFound for the path of a province.
    """
    tenant = (await areas_queries.root_of(session, path=area_path)).path
    reason = _reason(workflow.levels(area_path), tenant, set(enterprise_ids), occupation)
    path = col(Organisation.area_path)
    found = await session.exec(
        sa.select(Organisation, reason)
        .join(KindWord, col(KindWord.code) == col(Organisation.kind))
        .where(reason.is_not(None), within(path, [tenant]), queries.in_being(), col(Organisation.root_committee).is_(False))
        .order_by(
            reason, sa.and_(col(KindWord.by_trade), _names_none()), path.in_(workflow.levels(area_path)).desc(),
            sa.func.length(path).desc(), col(KindWord.rank), col(Organisation.id),
        )
        .limit(1)
    )
    row = found.first()
    return (None, None) if row is None else (row[0], REASONS[row[1]])


def _reason(levels: list[str], tenant: str, enterprise_ids: set[UUID], occupation: str | None) -> sa.ColumnElement[int]:
    """The first of REASONS for which a row fits, as its number; null for one that does not fit."""
    path, free = col(Organisation.area_path), col(Organisation.enterprise_id).is_(None)
    for_all = sa.and_(col(KindWord.takes_in), sa.not_(col(KindWord.by_trade)), free)
    trade = _names_none() if occupation is None else sa.or_(_names_none(), col(Organisation.trades).contains([occupation]))
    fits = (
        sa.and_(for_all, path.in_([level for level in levels if len(level) > len(tenant)])),
        sa.and_(col(KindWord.takes_in), col(Organisation.enterprise_id).in_(enterprise_ids)),
        sa.and_(col(KindWord.by_trade), free, path.in_(levels), trade),
        sa.and_(for_all, path == tenant),
    )
    return sa.case(*((fit, number) for number, fit in enumerate(fits)))


def _names_none() -> sa.ColumnElement[bool]:
    return sa.func.cardinality(col(Organisation.trades)) == 0
