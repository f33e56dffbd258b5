"""Reminders by the clock: each is claimed by a unique row first, so that two runs, or two workers at once, send one message."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession
from app.registrations.models import Reminder, ReminderKind
from app.registrations.service import notices

KEPT = timedelta(days=30)


async def daily(session: AsyncSession, *, kind: ReminderKind, account_id: UUID, count: int, day: date) -> None:
    """One message to one person, unless they heard it on this local day."""
    claimed = await session.exec(
        insert(Reminder)
        .values(id=new_id(), kind=kind, account_id=account_id, day=day)
        .on_conflict_do_nothing(index_elements=["account_id", "kind", "day"], index_where=col(Reminder.registration_id).is_(None))
        .returning(col(Reminder.id))
    )
    if claimed.first() is not None:
        await notices.remind(session, account_id=account_id, kind=kind, count=count)


async def once(session: AsyncSession, *, kind: ReminderKind, organisation_id: UUID, registration_ids: Sequence[UUID]) -> None:
    """One message to each secretary about those of the registrations that nobody was told about; while there is none, it waits."""
    secretaries = await notices.secretaries(session, organisation_id)
    if not secretaries:
        return
    claimed = await session.exec(
        insert(Reminder)
        .values([{"id": new_id(), "kind": kind, "registration_id": one} for one in sorted(registration_ids)])
        .on_conflict_do_nothing(index_elements=["registration_id", "kind"], index_where=col(Reminder.registration_id).is_not(None))
        .returning(col(Reminder.id))
    )
    count = len(claimed.all())
    if count:
        for account_id in secretaries:
            await notices.remind(session, account_id=account_id, kind=kind, count=count)


async def sweep(session: AsyncSession, *, today: date) -> None:
    """Forgets of which days it was said, long after."""
    await session.exec(sa.delete(Reminder).where(col(Reminder.day) < today - KEPT))
