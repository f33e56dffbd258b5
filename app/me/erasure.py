"""Erasing one person in every feature, with a certificate; and again after a restore, from the journal of certificates.

One transaction a person: whoever is second finds nothing to do, and a failure costs nothing but that person's turn. Objects of the store
are deleted by jobs of the same transaction.
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.models import Account
from app.db.base import new_id
from app.db.session import AsyncSession
from app.me import queries_erasures, traces
from app.me.features import FEATURES
from app.me.journal import Line
from app.me.models import Erasure
from app.me.workflow import RESTORABLE_DAYS

TRACES = "traces"
Counts = dict[str, int]


async def erase(session: AsyncSession, *, member_id: UUID) -> Counts | None:
    """Erases one person whose day has come; None when there is nothing (more) to erase. The account's lock makes two runs one."""
    account = await auth_queries.lock_to_erase(session, member_id)
    return None if account is None else await _erase(session, account)


async def rehearse(session: AsyncSession, *, member_id: UUID) -> Counts:
    """Erases whoever it is, for a caller that rolls back: what each feature would touch. Raises NotFound for an erased account."""
    return await _erase(session, await auth_queries.lock_account(session, member_id))


async def repeat(session: AsyncSession, *, subject_id: UUID) -> Counts | None:
    """Erases again somebody whom the journal calls erased and a restored backup brought back, due or not.

    Raises NotFound when the account is erased or unknown; None when the journal does not name it.
    """
    account = await auth_queries.lock_account(session, subject_id)
    certificate = await queries_erasures.get(session, subject_id)
    return None if certificate is None else await _erase(session, account)


async def enter(session: AsyncSession, lines: Iterable[Line]) -> int:
    """Adds certificates from another copy of the journal; those that it has stay as they are. Returns how many were new."""
    added = 0
    for line in lines:
        added += await _certify(session, line)
    return added


async def _erase(session: AsyncSession, account: Account) -> Counts:
    asked_on = await queries_erasures.asked_on(session, member_id=account.id, restorable_days=RESTORABLE_DAYS)
    counts = await _forget(session, account.id)
    await _certify(session, Line(subject_id=account.id, asked_on=asked_on, erased_at=None, counts=counts))
    audit_service.record(session, "me.erase", object_kind="account", object_id=account.id, rows=sum(counts.values()))
    await session.flush()
    return counts


async def _forget(session: AsyncSession, member_id: UUID) -> Counts:
    """Every feature from the top down, after what only the openid leads to; how many rows each changed or deleted."""
    counts: Counts = {}
    for name, forget in ((TRACES, traces.forget), *((feature.name, feature.forget) for feature in FEATURES)):
        await session.flush()
        before = await queries_erasures.changed_rows(session)
        await forget(session, member_id=member_id)
        await session.flush()
        counts[name] = await queries_erasures.changed_rows(session) - before
    return counts


async def _certify(session: AsyncSession, line: Line) -> bool:
    """False when the person has a certificate already: the first one counts."""
    made = await session.exec(
        insert(Erasure)
        .values(
            id=new_id(), subject_id=line.subject_id, asked_on=line.asked_on, counts=line.counts,
            erased_at=line.erased_at or sa.func.clock_timestamp(),
        )
        .on_conflict_do_nothing(index_elements=["subject_id"])
        .returning(sa.literal(1))
    )
    return made.first() is not None
