"""Every change of a roster but its matching: uploaded, spoken about, matched again on demand, given up, swept, forgotten."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Conflict
from app.jobs import service as jobs_service
from app.rosters import matching, queries, queries_lines, sealed, workflow
from app.rosters.models import FollowUp, Roster, RosterErrors, RosterKind, RosterLine, RosterRows, RosterStatus
from app.rosters.rows import Parsed
from app.rosters.sealed import Followed, Waiting
from app.rosters.workflow import LineState
from app.security import sealing, throttles

DAY_S = 86_400


async def upload(session: AsyncSession, *, principal: Principal, kind: RosterKind, owner_id: UUID, parsed: Parsed) -> Roster:
    """Takes a roster in and enqueues its job; whatever is kept of the owner's older ones is deleted, but what the secretary noted about
    people who stand on the new one too goes on with them. The limit's lock makes two uploads of one owner wait for each other.

    Raises NotFound, Forbidden, RateLimited: changing one line and counting again would tell who is registered.
    """
    path = await queries.expect_access(session, principal=principal, kind=kind, owner_id=owner_id)
    await throttles.take(session, f"roster:{owner_id}", limit=workflow.UPLOADS_A_DAY, period_s=DAY_S)
    older = await queries.lock_kept(session, owner_id=owner_id)
    noted = await _noted(session, owner_id, [roster.id for roster in older])
    await matching.clear(session, older)
    roster = Roster(
        kind=kind, owner_id=owner_id, uploaded_by=principal.account_id, total=len(parsed.people), invalid=len(parsed.errors),
        duplicates=parsed.duplicates,
    )
    session.add(roster)
    await session.flush()
    waiting = [Waiting(person, noted.get((person.phone, workflow.normal_name(person.name)))) for person in parsed.people]
    session.add(RosterRows(roster_id=roster.id, sealed=sealed.rows(session, roster.id, waiting)))
    if parsed.errors:
        session.add(RosterErrors(roster_id=roster.id, sealed=sealed.errors(session, roster.id, parsed.errors)))
    audit_service.record(
        session, "rosters.upload", object_kind=kind.value, object_id=owner_id, area_path=path, roster_id=str(roster.id),
        total=roster.total,
    )
    await jobs_service.enqueue(session, "rosters.import", {"roster_id": str(roster.id)}, key=f"roster:{roster.id}")
    return roster


async def _noted(session: AsyncSession, owner_id: UUID, older: list[UUID]) -> dict[tuple[str, str], Followed]:
    """What was noted about whom, by number and name: on lines, and by those who still wait for theirs."""
    noted: dict[tuple[str, str], Followed] = {}
    for roster_id in older:
        row = await queries.rows(session, roster_id)
        for one in sealed.waiting(session, row) if row else ():
            if one is not None and one.followed is not None:
                noted[one.person.phone, workflow.normal_name(one.person.name)] = one.followed
    for line in await queries_lines.followed_up(session, owner_id=owner_id):
        person, then = sealed.person_of(session, line), sealed.followed(session, line)
        if then is not None:
            noted[person.phone, workflow.normal_name(person.name)] = then
    return noted


async def ask_rematch(session: AsyncSession, *, principal: Principal, organisation_id: UUID) -> Roster:
    """Enqueues another matching. Raises NotFound, Forbidden, InvalidTransition while a job has it, Conflict once the lines are gone."""
    await queries.expect_access(session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id)
    roster = await queries.newest(session, owner_id=organisation_id, lock=True)
    workflow.require_rest(roster)
    if not await queries_lines.any_left(session, roster_id=roster.id):
        raise Conflict("名册里的人员已按期删除，请重新上传")
    await begin_rematch(session, roster)
    audit_service.record(
        session, "rosters.rematch", object_kind=roster.kind.value, object_id=organisation_id, roster_id=str(roster.id)
    )
    return roster


async def begin_rematch(session: AsyncSession, roster: Roster) -> None:
    """Marks a roster, locked by the caller, as in work, and enqueues the job."""
    roster.started_at = await _now(session)
    session.add(roster)
    await jobs_service.enqueue(session, "rosters.rematch", {"roster_id": str(roster.id)}, key=f"roster:{roster.id}")


async def refresh(session: AsyncSession) -> None:
    """Enqueues another matching of every roster that has lines, so that the figures follow who registers."""
    for roster_id in await queries.living(session):
        roster = await queries.lock(session, roster_id)
        if roster is not None and workflow.progress(roster) is workflow.Progress.MATCHED:
            await begin_rematch(session, roster)


async def follow_up(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, line_id: UUID, outcome: FollowUp, note: str | None
) -> tuple[RosterLine, LineState]:
    """Notes what came of speaking to a candidate; a later word replaces the earlier one.

    Raises NotFound, Forbidden, Conflict for somebody who has registered with the organisation meanwhile.
    """
    await queries.expect_access(session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id)
    roster = await queries.newest(session, owner_id=organisation_id)
    tenant = await queries.tenant_of(session, roster)
    await matching.catch_up(session, roster, tenant)
    line, state = await queries_lines.line(session, roster=roster, tenant=tenant, line_id=line_id)
    if state is LineState.REGISTERED:
        raise Conflict("此人已在本组织登记，不再是待联系人员")
    line.follow_up, line.followed_up_at = outcome, await _now(session)
    line.note_sealed = None if note is None else sealed.note(session, line.id, note)
    session.add(line)
    audit_service.record(
        session, "rosters.follow_up", object_kind=roster.kind.value, object_id=organisation_id, roster_id=str(roster.id),
        line_id=str(line.id), outcome_code=outcome.value,
    )
    await session.flush()
    return line, state


async def note_failure(session: AsyncSession, *, roster_id: UUID) -> None:
    """Counts a failed run of a roster's job; after the last one the roster is given up, or stays as it was matched before."""
    roster = await queries.lock(session, roster_id)
    if roster is None or roster.failed_at is not None:
        return
    roster.tries += 1
    session.add(roster)
    if roster.tries < workflow.MOST_TRIES:
        return
    if roster.status is RosterStatus.MATCHED:
        roster.started_at, roster.tries = None, 0
    else:
        await _give_up(session, roster)


async def _give_up(session: AsyncSession, roster: Roster) -> None:
    """Nobody will work on this roster any more, so nobody on it is kept; the list of errors stays, for the next file."""
    await matching.clear(session, [roster], errors=False)
    roster.failed_at = await _now(session)
    audit_service.record(
        session, "rosters.give_up", object_kind=roster.kind.value, object_id=roster.owner_id, outcome="error", roster_id=str(roster.id)
    )


async def tend(session: AsyncSession) -> None:
    """Asks again for jobs that got lost, and gives up rosters that have waited for a day."""
    for roster, late in await queries.stalled(session):
        payload, key = {"roster_id": str(roster.id)}, f"roster:{roster.id}"
        if roster.status is RosterStatus.MATCHED:
            await jobs_service.enqueue(session, "rosters.rematch", payload, key=key)
        elif late:
            await _give_up(session, roster)
        else:
            await jobs_service.enqueue(session, "rosters.import", payload, key=key)


async def sweep(session: AsyncSession) -> None:
    """Deletes people and errors of rosters that are a month old: who has not registered by then has been spoken to."""
    old = sa.select(col(Roster.id)).where(col(Roster.created_at) < queries.CLOCK - workflow.KEPT)
    for kept in (RosterRows, RosterLine, RosterErrors):
        await session.exec(sa.delete(kept).where(col(kept.roster_id).in_(old)))


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Takes a person out of every roster. Before `auth` forgets the phone: they are found by it.

    Nothing of them is left: lines go, whoever they were linked by and under whatever key they were written, with the secretary's notes
    on them; of those who still wait for their lines they are struck out, under the lock that a job needs for the next lines. A list of
    errors holds row numbers, what was wrong, and masked names (王*): neither a number nor a name that leads to anybody, and a month later
    not even that; so it stays as it is.
    """
    theirs = col(RosterLine.member_id) == member_id
    phone = await auth_queries.phone_of(session, account_id=member_id)
    if phone is not None:
        for roster in await queries.lock_waiting(session):
            await _strike_out(session, roster.id, phone)
        indexes = sealing.blind_indexes(session, phone, purpose="phone")
        theirs = sa.or_(theirs, col(RosterLine.phone_index).in_(indexes))
    await session.exec(sa.delete(RosterLine).where(theirs))


async def _strike_out(session: AsyncSession, roster_id: UUID, phone: str) -> None:
    row = await queries.rows(session, roster_id)
    if row is None:
        return
    waiting = sealed.waiting(session, row)
    kept = [None if one is not None and one.person.phone == phone else one for one in waiting]
    if kept != waiting:
        row.sealed = sealed.rows(session, roster_id, kept)
        session.add(row)
        await session.flush()


async def _now(session: AsyncSession) -> datetime:
    now: datetime = (await session.exec(sa.select(queries.CLOCK))).scalar_one()
    return now
