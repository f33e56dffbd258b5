"""Forgetting sessions that nobody can use any more."""

from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import AuthSession, RefreshToken
from app.auth.queries import CLOCK
from app.db.session import AsyncSession

KEPT = timedelta(days=35)  # longer than any refresh token lives: a stolen one that comes back late is still known as reused
BATCH = 1_000


async def sweep_sessions(session: AsyncSession) -> int:
    """Deletes sessions that ended or ran out long ago, with their refresh tokens, at most BATCH a run; returns how many."""
    found = await session.exec(
        sa.select(col(AuthSession.id))
        .where(sa.func.coalesce(col(AuthSession.ended_at), col(AuthSession.expires_at)) < CLOCK - KEPT)
        .order_by(col(AuthSession.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    ids = list(found.scalars().all())
    if ids:
        await session.exec(sa.delete(RefreshToken).where(col(RefreshToken.session_id).in_(ids)))
        await session.exec(sa.delete(AuthSession).where(col(AuthSession.id).in_(ids)))
    return len(ids)
