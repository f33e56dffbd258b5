"""What is left of somebody's work when their account is erased."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.coverage import queries
from app.coverage.models import Visit
from app.db.session import AsyncSession


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Ends what goes on, and empties the notes that the person wrote.

    That there was an instructor or a liaison, and that there was a visit, from when to when and about what, stays: the county's figures
    of any past day are made of it. Its account id leads to nobody any more; what free text tells, about its writer or about others,
    nothing can find in it, so it goes. The grants go with `auth`.
    """
    today = clock.today()
    for row in await queries.open_of(session, member_id=member_id):
        row.until, row.ended_at = max(row.since, today), clock.now()
        session.add(row)
    await session.flush()
    await session.exec(
        sa.update(Visit).where(col(Visit.account_id) == member_id, col(Visit.note_sealed).is_not(None)).values(note_sealed=None)
    )
