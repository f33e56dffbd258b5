"""Every change of a roster: uploaded, matched with registrations, swept."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.members import queries as members_queries
from app.rosters import queries, workflow
from app.rosters.files import Parsed, Person
from app.rosters.models import Roster, RosterKind, RosterLine, RosterStatus
from app.security import sealing, throttles

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
CHUNK = 500
DAY_S = 86_400


async def upload(session: AsyncSession, *, principal: Principal, kind: RosterKind, owner_id: UUID, parsed: Parsed) -> Roster:
    """Takes a roster in and enqueues its matching; the lines of the owner's older ones are deleted.

    Raises NotFound, Forbidden, RateLimited: changing one line and counting again would tell who is registered.
    """
    path = await queries.expect_access(session, principal=principal, kind=kind, owner_id=owner_id)
    await throttles.take(session, f"roster:{owner_id}", limit=workflow.UPLOADS_A_DAY, period_s=DAY_S)
    older = sa.select(col(Roster.id)).where(col(Roster.owner_id) == owner_id)
    await session.exec(sa.delete(RosterLine).where(col(RosterLine.roster_id).in_(older)))
    roster = Roster(
        kind=kind, owner_id=owner_id, uploaded_by=principal.account_id, total=len(parsed.people), invalid=parsed.invalid
    )
    session.add(roster)
    await session.flush()
    for start in range(0, len(parsed.people), CHUNK):
        made = [_line(session, roster.id, person) for person in parsed.people[start : start + CHUNK]]
        await session.exec(sa.insert(RosterLine).values(made))
    audit_service.record(
        session, "rosters.upload", object_kind=kind.value, object_id=owner_id, area_path=path, roster_id=str(roster.id),
        total=roster.total,
    )
    await jobs_service.enqueue(session, "rosters.match", {"roster_id": str(roster.id)}, key=f"roster:{roster.id}")
    return roster


def _line(session: AsyncSession, roster_id: UUID, person: Person) -> dict[str, Any]:
    line_id = new_id()
    text = json.dumps([person.name, person.phone], ensure_ascii=False)
    return {
        "id": line_id, "roster_id": roster_id, "phone_index": sealing.blind_index(session, person.phone, purpose="phone"),
        "sealed": sealing.seal(session, text, table=queries.TABLE, column="sealed", row=line_id),
    }


def person_of(session: AsyncSession, line: RosterLine) -> Person:
    name, phone = json.loads(sealing.unseal(session, line.sealed, table=queries.TABLE, column="sealed", row=line.id))
    return Person(name, phone)


async def match(session: AsyncSession, *, roster_id: UUID) -> None:
    """Finds who of a roster is registered: name and phone must agree. A second run changes nothing.

    For an enterprise everybody with an open registration counts, and nothing but the counts is kept. An organisation is told only about
    those registered with itself, whom its secretary sees anyway.
    """
    roster = await queries.lock(session, roster_id)
    if roster is None or roster.status is not RosterStatus.QUEUED:
        return
    registered = 0
    for line, member_id, organisation_id in await queries.candidates(session, roster):
        if roster.kind is RosterKind.ORGANISATION and organisation_id != roster.owner_id:
            continue
        name = await members_queries.real_name(session, member_id=member_id)
        if name is None or not workflow.same_name(name, person_of(session, line).name):
            continue
        registered += 1
        line.member_id = member_id
        session.add(line)
    await session.flush()
    if roster.kind is RosterKind.ENTERPRISE:
        await session.exec(sa.delete(RosterLine).where(col(RosterLine.roster_id) == roster.id))
    now = (await session.exec(sa.select(CLOCK))).scalar_one()
    roster.registered, roster.status, roster.matched_at = registered, RosterStatus.MATCHED, now
    session.add(roster)
    audit_service.record(
        session, "rosters.match", object_kind=roster.kind.value, object_id=roster.owner_id, roster_id=str(roster.id),
        total=roster.total,
    )
    await session.flush()


async def sweep(session: AsyncSession) -> None:
    """Deletes the lines of rosters that were matched a month ago: who has not registered by then has been spoken to."""
    old = sa.select(col(Roster.id)).where(col(Roster.matched_at) < CLOCK - workflow.ROSTER_KEPT)
    await session.exec(sa.delete(RosterLine).where(col(RosterLine.roster_id).in_(old)))


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes every line that names a person. Before `auth` forgets the phone: the lines are found by it."""
    theirs = col(RosterLine.member_id) == member_id
    phone = await auth_queries.phone_of(session, account_id=member_id)
    if phone is not None:
        theirs = sa.or_(theirs, col(RosterLine.phone_index) == sealing.blind_index(session, phone, purpose="phone"))
    await session.exec(sa.delete(RosterLine).where(theirs))
