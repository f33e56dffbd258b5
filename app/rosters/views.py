"""Rosters as answers and files. Every reading of a person's line is audited here."""

from functools import partial
from typing import Any
from uuid import UUID

from anyio import to_thread
from starlette.responses import Response

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.export import tables
from app.members import masking
from app.pagination import Page, PageQuery
from app.rosters import matching, paging, queries, queries_lines, sealed, workflow
from app.rosters.models import Roster, RosterKind, RosterLine, RosterStatus
from app.rosters.paging import CandidateQuery
from app.rosters.schemas import CandidateOut, ErrorsFormat, RosterErrorsOut, RosterLinesOut, RosterOut
from app.rosters.workflow import LineState

COLUMNS = ("行号", "姓名", "列", "原因")


async def counts(session: AsyncSession, roster: Roster) -> RosterOut:
    tenant = await queries.tenant_of(session, roster) if roster.kind is RosterKind.ORGANISATION else ""
    return RosterOut.model_validate(await _counts(session, roster, tenant))


async def people(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, state: LineState | None, page: PageQuery
) -> RosterLinesOut:
    """The people of a Party roster for its secretary. Raises NotFound, Forbidden."""
    roster, tenant = await _opened(session, principal, organisation_id)
    found = await queries_lines.lines(session, roster=roster, tenant=tenant, state=state, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    items = []
    for line, stands in rows:
        items.append(_line(session, line, stands) | {"registered": stands == LineState.REGISTERED})
    audit_service.record(
        session, "rosters.read", object_kind=roster.kind.value, object_id=roster.owner_id, roster_id=str(roster.id)
    )
    return RosterLinesOut.model_validate(await _counts(session, roster, tenant) | {"items": items, "next_cursor": cursor})


async def candidates(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, page: CandidateQuery
) -> Page[CandidateOut]:
    """Whom the secretary may want to speak to. Raises NotFound, Forbidden."""
    roster, tenant = await _opened(session, principal, organisation_id)
    found = await queries_lines.candidates(session, roster=roster, tenant=tenant, limit=page.limit, after=page.after)
    rows = found[: page.limit]
    cursor = paging.encode(LineState(rows[-1][1]), rows[-1][0].id) if len(found) > page.limit else None
    audit_service.record(
        session, "rosters.candidates", object_kind=roster.kind.value, object_id=roster.owner_id, roster_id=str(roster.id)
    )
    return Page[CandidateOut](items=[candidate(session, line, state) for line, state in rows], next_cursor=cursor)


def candidate(session: AsyncSession, line: RosterLine, state: LineState | str) -> CandidateOut:
    then = sealed.followed(session, line)
    told = {"outcome": then.outcome, "note": then.note, "at": then.at} if then else None
    return CandidateOut.model_validate(_line(session, line, state) | {"follow_up": told})


async def errors(
    session: AsyncSession, *, principal: Principal, kind: RosterKind, owner_id: UUID, format: ErrorsFormat
) -> RosterErrorsOut | Response:
    """The rows that were not taken in, as a file or as JSON. Raises NotFound (once they are swept, too), Forbidden."""
    await queries.expect_access(session, principal=principal, kind=kind, owner_id=owner_id)
    roster = await queries.newest(session, owner_id=owner_id)
    kept = await queries.errors(session, roster.id)
    if kept is None and roster.invalid:
        raise NotFound("错误清单已按期删除")
    found = sealed.errors_of(session, kept) if kept else []
    audit_service.record(
        session, "rosters.errors", object_kind=kind.value, object_id=owner_id, roster_id=str(roster.id), format=format.value
    )
    if format is ErrorsFormat.JSON:
        items = [{"row": one.row, "name": one.name, "column": one.columns, "reason": one.reason} for one in found]
        return RosterErrorsOut.model_validate({"items": items})
    rows = [(one.row, one.name, one.columns, one.reason) for one in found]
    return await to_thread.run_sync(
        partial(tables.render, format.value, title="名单错误清单", columns=COLUMNS, rows=rows, name="名单错误清单")
    )


async def _opened(session: AsyncSession, principal: Principal, organisation_id: UUID) -> tuple[Roster, str]:
    """The roster that counts, its lines linked with whoever has registered meanwhile; and its tenant."""
    await queries.expect_access(session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id)
    roster = await queries.newest(session, owner_id=organisation_id)
    tenant = await queries.tenant_of(session, roster)
    await matching.catch_up(session, roster, tenant)
    return roster, tenant


def _line(session: AsyncSession, line: RosterLine, state: LineState | str) -> dict[str, Any]:
    person = sealed.person_of(session, line)
    return {
        "id": line.id, "name": person.name, "phone": masking.mask_phone(person.phone), "state": LineState(state), "since": person.since,
        "note": person.note,
    }


async def _counts(session: AsyncSession, roster: Roster, tenant: str) -> dict[str, Any]:
    matched = roster.status is RosterStatus.MATCHED
    registered, people = await _figures(session, roster, tenant) if matched else (None, 0)
    return {
        "id": roster.id, "status": workflow.progress(roster), "total": roster.total,
        "processed": roster.total if matched else roster.processed, "registered": registered,
        "not_registered": None if registered is None else people - registered,
        "match_rate": None if registered is None else workflow.match_rate(registered, people),
        "invalid": roster.invalid, "duplicates": roster.duplicates, "errors_url": await _errors_url(session, roster),
        "at": roster.created_at, "matched_at": roster.matched_at,
    }


async def _figures(session: AsyncSession, roster: Roster, tenant: str) -> tuple[int, int]:
    """How many are registered, of how many. An organisation's are counted from its lines while there are any: the figures and the list
    never contradict each other.
    """
    if roster.kind is RosterKind.ORGANISATION:
        people, registered = await queries_lines.figures(session, roster, tenant)
        if people:
            return registered, people
    return roster.registered, roster.total


async def _errors_url(session: AsyncSession, roster: Roster) -> str | None:
    if not roster.invalid or not await queries.has_errors(session, roster.id):
        return None
    return f"/api/v1/{roster.kind.value}s/{roster.owner_id}/roster/errors"
