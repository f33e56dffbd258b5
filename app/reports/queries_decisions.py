"""Who accepted whose reports, as counts: for whoever looks whether reviewers and members come together by chance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import within
from app.db.session import AsyncSession
from app.reports.models import Report, ReportEvent
from app.reports.workflow import Command

PARTS_OF_A_DAY = 4


async def accepted(session: AsyncSession, *, area_path: str, since: datetime) -> Sequence[Any]:
    """(member_id, reviewer_id, community_id, part, count) of the reports filed in an area since then; `part`: of the local day."""
    hour = sa.func.extract("hour", sa.func.timezone("Asia/Shanghai", col(ReportEvent.created_at)))
    part = sa.cast(sa.func.floor(hour / (24 // PARTS_OF_A_DAY)), sa.Integer)
    found = await session.exec(
        sa.select(
            col(Report.member_id), col(ReportEvent.actor_id).label("reviewer_id"), col(Report.community_id), part.label("part"),
            sa.func.count().label("count"),
        )
        .join(ReportEvent, col(ReportEvent.report_id) == col(Report.id))
        .where(
            col(Report.created_at) >= since, within(col(Report.area_path), [area_path]), col(ReportEvent.command) == Command.ACCEPT,
            col(ReportEvent.actor_id).is_not(None),
        )
        .group_by(col(Report.member_id), col(ReportEvent.actor_id), col(Report.community_id), part)
    )
    return found.all()
