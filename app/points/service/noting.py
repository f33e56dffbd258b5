"""Sentences for the features above that keep no erasable table of their own."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.points.models import PointsText


async def note(session: AsyncSession, *, member_id: UUID, text: str) -> UUID:
    """Keeps a sentence until the person is erased; returns the id by which history refers to it."""
    await acting.work_on(session, member_id, Reason.NOTE)
    kept = PointsText(member_id=member_id, text=text)
    session.add(kept)
    await session.flush()
    return kept.id


async def empty_notes(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Takes sentences away that tell something of somebody else who leaves."""
    if ids:
        await session.exec(
            sa.update(PointsText).where(col(PointsText.id).in_(ids)).values(text=None).execution_options(synchronize_session=False)
        )
