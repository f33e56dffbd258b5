"""The matching of rosters with registrations: name and number must agree. Every function may run again and changes nothing then."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.rosters import queries, queries_lines, sealed, workflow
from app.rosters.models import Roster, RosterErrors, RosterKind, RosterLine, RosterRows, RosterStatus
from app.rosters.rows import Person
from app.rosters.sealed import Waiting

CHUNK = 500


async def step(session: AsyncSession, *, roster_id: UUID) -> bool:
    """Gives the next of those who wait their lines; after the last the roster is matched. True while there is more to do.

    The roster's row is the lock between workers: of two that read the same chunk the second finds that the roster has moved on. Accounts
    are locked before it, in the order of an erasure, which may have taken somebody out of those who wait meanwhile: they are read again.
    """
    at = await queries.progress_of(session, roster_id)
    seen = None if at is None else await _chunk(session, roster_id, at)
    if at is None or seen is None:
        return False
    accounts = await link(session, [one.person for one in seen])
    roster = await queries.lock(session, roster_id)
    fresh = await _chunk(session, roster_id, at)
    if roster is None or fresh is None:
        return False
    if roster.processed != at:
        return True
    if not await queries.is_newest(session, roster):
        await clear(session, [roster])
        return False
    if fresh:
        made = [sealed.line(session, roster_id, one, accounts.get(one.person.phone)) for one in fresh]
        await session.exec(sa.insert(RosterLine), params=made)
    roster.processed = min(at + CHUNK, roster.total)
    roster.started_at = roster.started_at or await _now(session)
    if roster.processed == roster.total:
        await _finish(session, roster)
    session.add(roster)
    await session.flush()
    return roster.processed < roster.total


async def _chunk(session: AsyncSession, roster_id: UUID, at: int) -> list[Waiting] | None:
    """Those from a place on who still wait; None when nobody waits any more."""
    row = await queries.rows(session, roster_id)
    return None if row is None else [one for one in sealed.waiting(session, row, at, at + CHUNK) if one is not None]


async def link(session: AsyncSession, people: Sequence[Person]) -> dict[str, UUID]:
    """Who of these people has an account here, by number, whether registered or not: one statement for the numbers, one for the names."""
    names = {person.phone: person.name for person in people}
    owners = await queries.accounts(session, names) if names else {}
    return await _agreeing(session, owners, names)


async def _agreeing(session: AsyncSession, owners: Mapping[UUID, str], names: Mapping[str, str]) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    for member in await queries.members(session, owners) if owners else ():
        name, phone = members_queries.name_of(session, member), owners[member.id]
        if name is not None and workflow.same_name(name, names[phone]):
            found[phone] = member.id
    return found


async def _finish(session: AsyncSession, roster: Roster) -> None:
    """Writes the figures. For an enterprise nothing but them is kept."""
    tenant = await queries.tenant_of(session, roster)
    await _take_in_newcomers(session, roster, tenant, since=roster.created_at)
    _, roster.registered = await queries_lines.figures(session, roster, tenant)
    await session.exec(sa.delete(RosterRows).where(col(RosterRows.roster_id) == roster.id))
    if roster.kind is RosterKind.ENTERPRISE:
        await session.exec(sa.delete(RosterLine).where(col(RosterLine.roster_id) == roster.id))
    roster.status, roster.matched_at, roster.started_at, roster.tries = RosterStatus.MATCHED, await _now(session), None, 0
    roster.processed = roster.total
    audit_service.record(
        session, "rosters.match", object_kind=roster.kind.value, object_id=roster.owner_id, roster_id=str(roster.id),
        total=roster.total,
    )


async def rematch(session: AsyncSession, *, roster_id: UUID) -> None:
    """Matches the lines of a roster again, all in one transaction: a reader sees the old state or the new one.

    Who was found stays found although they have another number by now: it is the same person. A roster of the release before this one
    has its lines but was never matched: it is now.
    """
    roster = await queries.lock(session, roster_id)
    asked = roster is not None and (roster.started_at is not None or roster.status is RosterStatus.QUEUED)
    if roster is None or not asked or roster.failed_at is not None or await queries.rows(session, roster_id) is not None:
        return
    if not await queries.is_newest(session, roster):
        await clear(session, [roster])
        return
    lines = await queries_lines.all_lines(session, roster_id=roster_id)
    for start in range(0, len(lines), CHUNK):
        people = {line.id: sealed.person_of(session, line) for line in lines[start : start + CHUNK]}
        accounts = await link(session, list(people.values()))
        await _write(session, {line_id: accounts[person.phone] for line_id, person in people.items() if person.phone in accounts})
    await _finish(session, roster)
    session.add(roster)
    await session.flush()


async def catch_up(session: AsyncSession, roster: Roster, tenant: str) -> None:
    """Finds those on the lines who have registered since the last matching, so that a list is right when it is read."""
    if roster.matched_at is not None and roster.kind is RosterKind.ORGANISATION:
        await _take_in_newcomers(session, roster, tenant, since=roster.matched_at)


async def _take_in_newcomers(session: AsyncSession, roster: Roster, tenant: str, *, since: datetime) -> None:
    phones = await queries.newcomers(session, roster=roster, tenant=tenant, since=since)
    lines = await queries_lines.lines_of_numbers(session, roster_id=roster.id, phones=phones.values()) if phones else ()
    people = {line.id: sealed.person_of(session, line) for line in lines}
    found = await _agreeing(session, phones, dict.fromkeys(phones.values(), "") | {p.phone: p.name for p in people.values()})
    await _write(session, {line_id: found[person.phone] for line_id, person in people.items() if person.phone in found})


async def _write(session: AsyncSession, members: Mapping[UUID, UUID]) -> None:
    """Notes by line whose it is."""
    if not members:
        return
    ids, accounts = sa.cast(list(members), ARRAY(sa.Uuid)), sa.cast(list(members.values()), ARRAY(sa.Uuid))
    told = sa.func.unnest(ids, accounts).table_valued(sa.column("id", sa.Uuid), sa.column("member_id", sa.Uuid)).render_derived("told")
    await session.exec(
        sa.update(RosterLine)
        .where(col(RosterLine.id) == told.c.id, col(RosterLine.member_id).is_distinct_from(told.c.member_id))
        .values(member_id=told.c.member_id),
        execution_options={"synchronize_session": False},
    )


async def clear(session: AsyncSession, rosters: Collection[Roster], *, errors: bool = True) -> None:
    """Deletes whatever is kept of the people of these rosters, which the caller has locked."""
    ids = [roster.id for roster in rosters]
    for kept in (RosterRows, RosterLine, RosterErrors) if errors else (RosterRows, RosterLine):
        await session.exec(sa.delete(kept).where(col(kept.roster_id).in_(ids)))
    for roster in rosters:
        roster.started_at = None
        session.add(roster)


async def _now(session: AsyncSession) -> datetime:
    now: datetime = (await session.exec(sa.select(queries.CLOCK))).scalar_one()
    return now
