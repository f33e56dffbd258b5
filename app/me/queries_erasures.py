"""Every SELECT of the journal of erasures."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession
from app.me.models import Erasure

PAGE = 500


async def get(session: AsyncSession, subject_id: UUID) -> Erasure | None:
    """The certificate of one erasure."""
    found = await session.exec(sa.select(Erasure).where(col(Erasure.subject_id) == subject_id))
    certificate: Erasure | None = found.scalars().first()
    return certificate


async def journal(session: AsyncSession) -> AsyncIterator[Erasure]:
    """All certificates, oldest first, a page at a time."""
    after: UUID | None = None
    while True:
        statement = sa.select(Erasure).order_by(col(Erasure.id)).limit(PAGE)
        page: Sequence[Erasure] = (
            await session.exec(statement if after is None else statement.where(col(Erasure.id) > after))
        ).scalars().all()
        for certificate in page:
            yield certificate
        if len(page) < PAGE:
            return
        after = page[-1].id


async def count(session: AsyncSession) -> int:
    return int((await session.exec(sa.select(sa.func.count()).select_from(Erasure))).scalar_one())


async def undone(session: AsyncSession) -> Sequence[UUID]:
    """Whom the journal calls erased and a restored backup has brought back."""
    found = await session.exec(
        sa.select(col(Erasure.subject_id))
        .join(Account, col(Account.id) == col(Erasure.subject_id))
        .where(col(Account.status) != AccountStatus.ERASED)
        .order_by(col(Erasure.id))
    )
    return found.scalars().all()


async def asked_on(session: AsyncSession, *, member_id: UUID, restorable_days: int) -> date | None:
    """The local day on which the cancellation was asked for."""
    found = await session.exec(sa.select(col(Account.erase_on) - restorable_days).where(col(Account.id) == member_id))
    day: date | None = found.scalars().first()
    return day


async def changed_rows(session: AsyncSession) -> int:
    """How many rows this transaction has changed or deleted so far, told by the database itself, whatever statement or trigger did it.

    What is only added (audit events, jobs, ledger lines) does not count.
    """
    found = await session.exec(sa.text("select coalesce(sum(n_tup_upd + n_tup_del), 0)::int from pg_stat_xact_user_tables"))
    rows: int = found.scalar_one()
    return rows
