"""Rosters as answers."""

from typing import Any

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.members import masking
from app.pagination import PageQuery
from app.rosters import queries, service
from app.rosters.models import Roster, RosterStatus
from app.rosters.schemas import RosterLinesOut, RosterOut


def counts(roster: Roster) -> RosterOut:
    return RosterOut.model_validate(_counts(roster))


async def people(session: AsyncSession, roster: Roster, page: PageQuery) -> RosterLinesOut:
    """The people of a Party roster for its secretary; every reading is audited."""
    found = await queries.lines(session, roster=roster, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    items = []
    for line, registered in rows:
        person = service.person_of(session, line)
        items.append({"name": person.name, "phone": masking.mask_phone(person.phone), "registered": registered})
    audit_service.record(
        session, "rosters.read", object_kind=roster.kind.value, object_id=roster.owner_id, roster_id=str(roster.id)
    )
    return RosterLinesOut.model_validate(_counts(roster) | {"items": items, "next_cursor": cursor})


def _counts(roster: Roster) -> dict[str, Any]:
    matched = roster.status is RosterStatus.MATCHED
    return {
        "id": roster.id, "status": roster.status, "total": roster.total, "invalid": roster.invalid,
        "registered": roster.registered if matched else None, "not_registered": roster.total - roster.registered if matched else None,
        "at": roster.created_at, "matched_at": roster.matched_at,
    }
