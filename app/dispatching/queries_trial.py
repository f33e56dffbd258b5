"""What a dry run of routing rules is made over: the reports of some days, by category and place, in one statement."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from app import clock
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.dispatching.trial import MOST_EXAMPLES, Heap
from app.reports.models import Report


async def heaps(session: AsyncSession, *, principal: Principal, first: date, last: date) -> list[Heap]:
    """Reports filed on these local days in the areas that the caller administers."""
    starts, ends = clock.days(first, last)
    place = col(Report.category_code), col(Report.area_path)
    filed = (
        sa.select(*place, col(Report.number), sa.func.row_number().over(partition_by=place, order_by=col(Report.id)).label("nth"))
        .where(
            within(Report.area_path, principal.area_paths(Role.AREA_ADMIN)), col(Report.created_at) >= starts,
            col(Report.created_at) < ends,
        )
        .subquery()
    )
    numbers = sa.func.array_agg(aggregate_order_by(filed.c.number, filed.c.nth)).filter(filed.c.nth <= MOST_EXAMPLES)
    found = await session.exec(
        sa.select(filed.c.category_code, filed.c.area_path, sa.func.count(), numbers)
        .group_by(filed.c.category_code, filed.c.area_path)
        .order_by(sa.func.min(filed.c.number))
    )
    return [Heap(*row) for row in found.all()]
