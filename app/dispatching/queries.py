"""Who could be named for a report: the grid workers of its place, with what they have in hand."""

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.dispatching.ranking import Worker
from app.reports import workflow
from app.reports.models import Report, ReportJoin
from app.units import queries as units_queries
from app.units.models import UnitMember

IN_HAND = aliased(Report)


async def workers(session: AsyncSession, report: Report) -> list[Worker]:
    """In one statement; without the reporter and whoever joined, who would work on a case of their own."""
    held = auth_queries.held(area_path=report.area_path, roles=[Role.GRID_WORKER])
    joined = sa.exists().where(col(ReportJoin.report_id) == report.id, col(ReportJoin.member_id) == held.c.account_id)
    cases = (
        sa.select(sa.func.count())
        .where(
            col(IN_HAND.assignee_id) == held.c.account_id, col(IN_HAND.ended_at).is_(None), col(IN_HAND.status).in_(workflow.HANDLING)
        )
        .scalar_subquery()
    )
    asked = (
        sa.select(held.c.account_id, col(Area.level), col(UnitMember.unit_id), cases)
        .select_from(held)
        .join(Area, col(Area.path) == held.c.area_path)
        .outerjoin(UnitMember, sa.and_(col(UnitMember.account_id) == held.c.account_id, units_queries.NOW_IN))
        .where(held.c.account_id != report.member_id, ~joined)
    )
    async with acting.serving(session, Reason.FIGURES):  # what they have in hand may lie elsewhere
        found = await session.exec(asked)
    return [Worker(account_id, level, unit_id, count) for account_id, level, unit_id, count in found.all()]
