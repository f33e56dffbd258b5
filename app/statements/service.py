"""Freezing an employer's months; and taking a name out of those that are frozen.

Lock order: the accounts of those who are named (shared, by id), then the statement's own rows. A month is frozen by whoever comes first,
the job or a reader; the other waits at UNIQUE(enterprise, month) and finds it done.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise
from app.members import collating
from app.members import queries as members_queries
from app.members import service as members_service
from app.security import sealing
from app.statements import queries, workflow
from app.statements.models import EnterpriseStatement, EnterpriseStatementLine, EnterpriseStatementName
from app.statements.workflow import Month


async def freeze_ended(session: AsyncSession, *, enterprise: Enterprise) -> int:
    """Freezes every month of an enterprise that is over and is not frozen, oldest first; returns how many. Again: changes nothing."""
    now, settled_on = await queries.clock_of_database(session)
    latest = await queries.latest(session, enterprise_id=enterprise.id)
    done = 0
    for first in workflow.missing(made_at=enterprise.created_at, latest=latest, settled_on=settled_on):
        done += await _freeze(session, enterprise, first, now)
    return done


async def _freeze(session: AsyncSession, enterprise: Enterprise, first: date, now: datetime) -> bool:
    """False when somebody else was first."""
    last = clock.next_month(first) - timedelta(days=1)
    worked = await members_queries.employed_during(session, enterprise_id=enterprise.id, first=first, last=last)
    listed = await queries.hold_consenting(session, among=worked)
    figures = await queries.figures(session, enterprise_id=enterprise.id, first=first, worked=worked)
    lines = workflow.lines(worked=worked, listed=listed, figures=figures)
    month = Month(enterprise.id, enterprise.name, first, now, lines)
    statement_id = await _put_statement(session, month)
    if statement_id is None:
        return False
    await _put_lines(session, statement_id, month)
    await _put_names(session, statement_id, listed)
    audit_service.record(
        session, "statements.freeze", object_kind="enterprise", object_id=enterprise.id, area_path=enterprise.area_path,
        month=f"{first:%Y-%m}", members=month.members, points=month.points, corrections=month.corrections,
    )
    await session.flush()
    return True


async def _put_statement(session: AsyncSession, month: Month) -> UUID | None:
    """The id of the new row; None when the month has one."""
    made = await session.exec(
        insert(EnterpriseStatement)
        .values(
            id=new_id(), enterprise_id=month.enterprise_id, enterprise_name=month.enterprise, month=month.first, frozen_at=month.frozen_at,
            members=month.members, points=month.points, corrections=month.corrections, digest=workflow.digest(month),
        )
        .on_conflict_do_nothing(index_elements=["enterprise_id", "month"])
        .returning(col(EnterpriseStatement.id))
    )
    statement_id: UUID | None = made.scalars().first()
    return statement_id


async def _put_lines(session: AsyncSession, statement_id: UUID, month: Month) -> None:
    rows = [
        {
            "statement_id": statement_id, "member_id": line.member_id, "worked": line.worked, "listed": line.listed,
            "events": line.figures.events, "points": line.figures.points, "corrections": line.figures.corrections,
        }
        for line in month.lines
    ]
    if rows:
        await session.exec(sa.insert(EnterpriseStatementLine), params=rows)


async def _put_names(session: AsyncSession, statement_id: UUID, listed: list[UUID]) -> None:
    """In the order of the alphabet, kept with them: a later edition of the readings moves nobody in a month that was shown."""
    if not listed:
        return
    called = await members_queries.called(session, listed)
    rows = []
    for position, member_id in enumerate(sorted(listed, key=lambda one: collating.key(called[one], one))):
        row = new_id()
        sealed = sealing.seal(session, called[member_id], table=queries.NAMES, column=queries.NAME, row=row)
        rows.append(
            {"id": row, "statement_id": statement_id, "member_id": member_id, "position": position, "name_sealed": sealed}
        )
    await session.exec(sa.insert(EnterpriseStatementName), params=rows)


async def withdraw(session: AsyncSession, *, member_id: UUID) -> None:
    """The consent is being taken back: the person stands in no frozen month by name any more, not even when they agree again.

    Locks the member, then the account: a freezing that has read the yes has ended before, one that comes later reads the no.
    """
    await members_service.locked(session, member_id=member_id)
    await auth_queries.lock_account(session, member_id)
    await forget(session, member_id=member_id)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes the names; the lines hold ids and figures and stay. The caller holds the account."""
    await session.exec(sa.delete(EnterpriseStatementName).where(col(EnterpriseStatementName.member_id) == member_id))
