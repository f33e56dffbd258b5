"""What happens to registrations by the clock: every morning those hear of it who should call, decide or name somebody."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.jobs.registry import Context, every
from app.registrations import queries_due
from app.registrations.models import ReminderKind
from app.registrations.service import remind


@every("30 0 * * *", "registration.remind")
async def remind_daily(context: Context) -> None:
    """Half past eight in Shanghai. Who was told today is not told again, whatever runs twice or at once."""
    async with context.database.reader() as reader:
        found = [
            (ReminderKind.DUE, await queries_due.due(reader)), (ReminderKind.OVERDUE, await queries_due.overdue(reader)),
            (ReminderKind.WAITING, await queries_due.waiting(reader)),
        ]
        paths = await queries_due.headless(reader)
        asked = [await auth_queries.covering(reader, area_path=path, roles=[Role.AREA_ADMIN]) for path in paths]
    found.append((ReminderKind.HEADLESS, sorted(Counter(one for admins in asked for one in admins).items())))
    today = clock.today()
    for kind, people in found:
        await _tell(context, kind, people, today)
    async with context.database.transaction() as session:
        await remind.sweep(session, today=today)


async def _tell(context: Context, kind: ReminderKind, people: Iterable[Sequence[Any]], today: date) -> None:
    for account_id, count in people:
        async with context.database.transaction() as session:
            await remind.daily(session, kind=kind, account_id=account_id, count=count, day=today)


@every("40 0 * * *", "registration.follow_up")
async def follow_up(context: Context) -> None:
    """The secretaries hear, once, of contact persons who left and of mobile members whose six months are over."""
    async with context.database.reader() as reader:
        found = [
            (ReminderKind.CONTACT_LEFT, await queries_due.left(reader)), (ReminderKind.SIX_MONTHS, await queries_due.six_months(reader)),
        ]
    for kind, pairs in found:
        for organisation_id, group in groupby(pairs, key=lambda pair: pair[0]):
            await _tell_once(context, kind, organisation_id, [registration_id for _, registration_id in group])


async def _tell_once(context: Context, kind: ReminderKind, organisation_id: UUID, registration_ids: list[UUID]) -> None:
    async with context.database.transaction() as session:
        await remind.once(session, kind=kind, organisation_id=organisation_id, registration_ids=registration_ids)
