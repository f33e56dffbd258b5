"""Every SELECT of short messages."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.sms.models import Sms


async def lock(session: AsyncSession, sms_id: UUID) -> tuple[Sms, bool] | None:
    """The row; and whether somebody is taken to be sending it, by the database's clock."""
    found = await session.exec(
        sa.select(Sms, sa.func.coalesce(col(Sms.until) > sa.func.clock_timestamp(), sa.false()))
        .where(col(Sms.id) == sms_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.first()
    return None if row is None else (row[0], bool(row[1]))
