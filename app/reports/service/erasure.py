"""What an erasure leaves of a person's reports: the case and its figures, without words and exact places."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import Report, ReportText
from app.reports.service.upkeep import coarse


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties what a person wrote and makes the places of their reports coarse; an open report goes on without them."""
    await session.exec(sa.update(ReportText).where(col(ReportText.author_id) == member_id).values(text=None))
    await session.exec(
        sa.update(Report).where(col(Report.member_id) == member_id).values(description_sealed=None, address_sealed=None)
    )
    await session.exec(
        sa.update(Report).where(col(Report.member_id) == member_id, col(Report.place_rounded_at).is_(None)).values(coarse())
        .execution_options(synchronize_session=False)
    )
