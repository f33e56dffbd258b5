"""What reports are searched by is made with their sentences, and later where a release before this one, or another key, wrote them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.reports import queries_grams, texts
from app.reports.models import Report, ReportGram
from app.security import sealing
from app.security.sealing import Unsealable

UNREADABLE = "?/?"  # nobody can open the sentences: not due again until the keys change


@dataclass(frozen=True, slots=True)
class Indexed:
    """The rows of one step, in order; `failed` are those whose sentences could not be opened."""

    ids: list[UUID]
    failed: list[UUID]


async def index(session: AsyncSession, reports: Collection[Report]) -> list[UUID]:
    """Makes the pairs of these reports as their sentences are now; the ids of those that could not be opened."""
    made, failed = [], []
    for report in reports:
        try:
            grams, under = texts.grams(session, report), str(sealing.active(session))
        except Unsealable:
            grams, under = [], UNREADABLE
            failed.append(report.id)
        made.append({"id": report.id, "made": grams, "under": under})
    if made:
        connection = await session.connection()
        await connection.execute(UPDATE, made)
    return failed


UPDATE = (
    sa.update(ReportGram).where(col(ReportGram.report_id) == sa.bindparam("id", type_=sa.Uuid))
    .values(grams=sa.bindparam("made"), made_under=sa.bindparam("under"))
)


async def index_again(session: AsyncSession, *, ids: Collection[UUID]) -> list[UUID]:
    """The same for reports that were changed by statements; they are read again."""
    found = await session.exec(
        sa.select(Report).where(col(Report.id).in_(ids)).order_by(col(Report.id)).execution_options(populate_existing=True)
    )
    return await index(session, found.scalars().all())


async def index_next(session: AsyncSession, *, after: UUID | None, limit: int, every_key: bool = False) -> Indexed:
    """The next rows that are due; with `every_key` also those that another key or cipher made.

    Holding a row holds off whoever changes its sentences: they are read after that, so that no older ones are written over newer ones.
    """
    under = str(sealing.active(session)) if every_key else None
    ids = list(await queries_grams.due(session, after=after, limit=limit, but=under))
    return Indexed(ids, await index_again(session, ids=ids) if ids else [])
