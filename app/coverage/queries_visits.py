"""SELECTs of visits."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.coverage.models import Visit
from app.coverage.queries import at
from app.coverage.workflow import Place
from app.db.session import AsyncSession


async def visits(session: AsyncSession, *, of: Place, limit: int, after: UUID | None) -> Sequence[Visit]:
    """The visits to a place, those written down last first, one more than `limit`."""
    statement = sa.select(Visit).where(at(Visit, of))
    if after is not None:
        statement = statement.where(col(Visit.id) < after)
    found = await session.exec(statement.order_by(col(Visit.id).desc()).limit(limit + 1))
    return found.scalars().all()
