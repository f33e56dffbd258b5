"""What an erasure leaves of a person's reports: the case and its figures, without words and exact places."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports.models import Report, ReportClaim, ReportText
from app.reports.service.keeping import coarse


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties what a person wrote, and what was written on their own reports, and makes the places of these coarse.

    An official's note may tell who called or where somebody lives, and nothing finds that in it: the codes and times of the case tell what
    was done. An open report goes on without the person. What its words are searched by is emptied with them, by the database.
    """
    await session.exec(sa.delete(ReportClaim).where(col(ReportClaim.account_id) == member_id))
    own = sa.select(col(Report.id)).where(col(Report.member_id) == member_id)
    theirs = sa.or_(col(ReportText.author_id) == member_id, col(ReportText.report_id).in_(own))
    await session.exec(sa.update(ReportText).where(theirs, col(ReportText.text).is_not(None)).values(text=None))
    await session.exec(
        sa.update(Report).where(col(Report.member_id) == member_id).values(description_sealed=None, address_sealed=None)
    )
    await session.exec(
        sa.update(Report).where(col(Report.member_id) == member_id, col(Report.place_rounded_at).is_(None)).values(coarse())
        .execution_options(synchronize_session=False)
    )
