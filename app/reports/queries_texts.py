"""Which edition of its description a report has: the timeline row that wrote it. Sealing it anew makes no other text of it."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import ReportEvent
from app.reports.workflow import Command

WROTE = sa.or_(
    col(ReportEvent.command) == "submit",
    sa.and_(col(ReportEvent.command) == Command.AMEND.value, col(ReportEvent.facts)["fields"].contains(["description"])),
)


async def editions(session: AsyncSession, report_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Report → the event that wrote the text it has now."""
    if not report_ids:
        return {}
    found = await session.exec(
        sa.select(col(ReportEvent.report_id), col(ReportEvent.id))
        .ext(distinct_on(col(ReportEvent.report_id)))
        .where(col(ReportEvent.report_id).in_(set(report_ids)), WROTE)
        .order_by(col(ReportEvent.report_id), col(ReportEvent.id).desc())
    )
    return {row.report_id: row.id for row in found.all()}
