"""A month as its reader finds it: frozen, running, or from before anything was known of the enterprise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app import clock
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise
from app.errors import NotFound
from app.members import collating
from app.members import queries as members_queries
from app.statements import queries, service, workflow
from app.statements.models import EnterpriseStatement
from app.statements.workflow import Line, Month


@dataclass(frozen=True, slots=True)
class Shown:
    """`named`: (name, line) of those whom the reader may see, in the order of the alphabet. The month's own lines are for counting."""

    month: Month
    final: bool
    digest: str | None
    named: list[tuple[str, Line]]


async def read(session: AsyncSession, *, enterprise: Enterprise, first: date) -> Shown:
    """Raises NotFound for a month that has not begun. An ended month that the job has not frozen yet is frozen here; in the first hours
    after it, while a booking of its last minute might still come, it is told as it runs.
    """
    if first > clock.today():
        raise NotFound
    row = await queries.statement(session, enterprise_id=enterprise.id, first=first)
    if row is None and first < workflow.first_month(enterprise.created_at):
        return Shown(Month(enterprise.id, enterprise.name, first, None, ()), final=True, digest=None, named=[])
    if row is None and clock.next_month(first) <= clock.today():
        await service.freeze_ended(session, enterprise=enterprise)
        row = await queries.statement(session, enterprise_id=enterprise.id, first=first)
    if row is None:
        return await _running(session, enterprise, first)
    return await frozen(session, row)


async def frozen(session: AsyncSession, row: EnterpriseStatement) -> Shown:
    month = await queries.frozen(session, row)
    kept = await queries.names(session, statement_id=row.id)
    return Shown(month, final=True, digest=row.digest, named=named(month, kept))


def named(month: Month, kept: Sequence[tuple[UUID, str]]) -> list[tuple[str, Line]]:
    """The lines of these members, in their order."""
    by_member = {line.member_id: line for line in month.lines}
    return [(name, by_member[member_id]) for member_id, name in kept]


async def _running(session: AsyncSession, enterprise: Enterprise, first: date) -> Shown:
    month = await queries.running(session, enterprise, first=first)
    called = await members_queries.called(session, [line.member_id for line in month.lines if line.listed])
    alphabet = sorted(called.items(), key=lambda one: collating.key(one[1], one[0]))
    return Shown(month, final=False, digest=None, named=named(month, alphabet))
