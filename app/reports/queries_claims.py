"""Who is at work on which report's review now."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import Report, ReportClaim
from app.reports.queries import CLOCK

LIVE = col(ReportClaim.until) > CLOCK


async def live(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, ReportClaim]:
    """The claims that last, by report."""
    if not ids:
        return {}
    found = await session.exec(
        sa.select(ReportClaim).where(col(ReportClaim.report_id).in_(ids), LIVE).execution_options(populate_existing=True)
    )
    return {claim.report_id: claim for claim in found.scalars().all()}


def claimed(whose: str) -> sa.ColumnElement[bool]:
    """The predicate of a list: claimed by whoever is bound as `caller` (`me`), by somebody else (`others`), by nobody (`none`)."""
    own = aliased(ReportClaim)
    of_this = sa.exists().where(col(own.report_id) == col(Report.id), col(own.until) > CLOCK)
    if whose == "none":
        return ~of_this
    mine = col(own.account_id) == sa.bindparam("caller", type_=sa.Uuid)
    return of_this.where(mine if whose == "me" else ~mine)
