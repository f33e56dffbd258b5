"""A person leaves the lists for good. What they said against one is emptied with the sentences of points."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession
from app.points import service as points_service
from app.publicity.models import PublicityLine, PublicityObjection, Shortlist, ShortlistCandidate


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes the lines; empties the notes of shortlists on which the person stood, and what took a line of theirs off a list."""
    of_shortlists = sa.select(col(ShortlistCandidate.shortlist_id)).where(col(ShortlistCandidate.member_id) == member_id)
    await session.exec(
        sa.update(Shortlist)
        .where(col(Shortlist.id).in_(of_shortlists), col(Shortlist.note_sealed).is_not(None))
        .values(note_sealed=None)
        .execution_options(synchronize_session=False)
    )
    about = await session.exec(
        sa.select(col(PublicityObjection.text_id), col(PublicityObjection.answer_id))
        .join(PublicityLine, col(PublicityLine.objection_id) == col(PublicityObjection.id))
        .where(col(PublicityLine.member_id) == member_id)
    )
    await points_service.empty_notes(session, ids=[text_id for row in about.all() for text_id in row if text_id is not None])
    for table in (PublicityLine, ShortlistCandidate):
        await session.exec(sa.delete(table).where(col(table.member_id) == member_id).execution_options(synchronize_session=False))


async def sweep(session: AsyncSession) -> None:
    """Deletes what a list took in of somebody at the moment of their erasure, or what an earlier release left at one."""
    gone = sa.select(col(Account.id)).where(col(Account.status) == AccountStatus.ERASED)
    for table in (PublicityLine, ShortlistCandidate):
        await session.exec(sa.delete(table).where(col(table.member_id).in_(gone)).execution_options(synchronize_session=False))
