"""Rows of registrations as answers: what of them each reader sees."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.organisations import queries as organisations_queries
from app.organisations.models import Organisation
from app.registrations import queries, workflow
from app.registrations.models import Registration, Status
from app.registrations.schemas import CountsOut, DetailOut, LineOut, RegistrationOut
from app.schemas import named

NOTHING: dict[str, Any] = {"political_status": None, "party": None}


async def own(session: AsyncSession, row: Registration) -> RegistrationOut:
    """A registration for its person: all that they said, why it was returned, whom they may call."""
    reason = queries.reason(session, row) if row.status in (Status.RETURNED, Status.REJECTED) else None
    declared = await queries.declaration(session, registration_id=row.id) or NOTHING
    allowed = workflow.allowed(row.status, own=True, secretary=False)
    return RegistrationOut.model_validate(await _whole(session, row) | declared | {"reason": reason, "allowed": allowed})


async def mine(session: AsyncSession, rows: Sequence[Registration]) -> list[RegistrationOut]:
    return [await own(session, row) for row in rows]


async def detail(session: AsyncSession, principal: Principal, row: Registration) -> DetailOut:
    """A registration for its person, or for staff: the declaration, reasons and notes are for the organisation's secretary alone."""
    if row.member_id == principal.account_id:
        return DetailOut.model_validate((await own(session, row)).model_dump() | {"member": None, "contacts": []})
    leads = queries.leads(principal, row)
    declared = (await queries.declaration(session, registration_id=row.id) if leads else None) or NOTHING
    return DetailOut.model_validate(
        await _whole(session, row)
        | declared
        | {
            "reason": queries.reason(session, row) if leads else None, "member": await _member(session, row.member_id),
            "contacts": await queries.contacts(session, registration_id=row.id) if leads else [],
            "allowed": workflow.allowed(row.status, own=False, secretary=leads),
        }
    )


async def lines(session: AsyncSession, principal: Principal, rows: Sequence[Registration]) -> list[LineOut]:
    """Registrations for staff, without what was declared."""
    organisations = await organisations_queries.by_ids(session, {row.organisation_id for row in rows if row.organisation_id})
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    ids = {row.member_id for row in rows}
    people, phones = await members_queries.by_ids(session, ids), await auth_queries.masked_phones(session, ids)
    shown = []
    for row in rows:
        member = people.get(row.member_id)
        told = {"id": row.member_id, "name": members_queries.name_of(session, member), "phone": phones.get(row.member_id)}
        own, leads = row.member_id == principal.account_id, queries.leads(principal, row)
        shown.append(
            LineOut.model_validate(
                _facts(row)
                | {
                    "organisation": named(organisations.get(row.organisation_id) if row.organisation_id else None),
                    "member": told, "occupation": member.occupation if member else None,
                    "work_area": named(areas[row.area_id]), "allowed": workflow.allowed(row.status, own=own, secretary=leads),
                }
            )
        )
    return shown


async def counts(session: AsyncSession, *, area_id: UUID) -> CountsOut:
    """Sums over an area; few Party members are told as none, but for the tenant as a whole."""
    area = await areas_queries.get(session, area_id)
    by_status = await queries.counts(session, area_path=area.path)
    party = sum(count for status, count in by_status.items() if status in workflow.PARTY_STATES)
    whole = area.level in areas_queries.TENANT_LEVELS
    return CountsOut.model_validate(
        {
            "area": {"id": area.id, "name": area.name}, "active": by_status.get(Status.ACTIVE, 0),
            "party": workflow.told_count(party, whole=whole),
            "party_pending": workflow.told_count(by_status.get(Status.PENDING, 0), whole=whole),
        }
    )


def _facts(row: Registration) -> dict[str, Any]:
    return {
        "id": row.id, "number": row.number, "direction": row.direction, "status": row.status, "next_contact_on": row.next_contact_on,
        "at": row.created_at, "version": row.version,
    }


async def _whole(session: AsyncSession, row: Registration) -> dict[str, Any]:
    organisation = await organisations_queries.get(session, row.organisation_id) if row.organisation_id else None
    member = await members_queries.get(session, member_id=row.member_id)
    employers = await members_queries.employments(session, member_id=row.member_id)
    return _facts(row) | {
        "organisation": named(organisation), "real_name": await members_queries.real_name(session, member_id=row.member_id),
        "occupation": member.occupation if member else None, "work_area": named(await areas_queries.get(session, row.area_id)),
        "employers": [{"enterprise_id": one.enterprise_id, "name": one.name, "since": one.since} for one in employers],
        "management": row.management, "contact": await _contact(session, row, organisation),
    }


async def _contact(session: AsyncSession, row: Registration, organisation: Organisation | None) -> dict[str, Any] | None:
    """The contact person by name; the phone is the office's: a person's own number is not given out for them."""
    if row.contact_account_id is None or organisation is None:
        return None
    name = await members_queries.real_name(session, member_id=row.contact_account_id)
    return {"name": name or f"{organisation.name}联系人", "phone": organisation.phone}


async def _member(session: AsyncSession, member_id: UUID) -> dict[str, Any]:
    return {
        "id": member_id, "name": await members_queries.real_name(session, member_id=member_id),
        "phone": await auth_queries.masked_phone(session, account_id=member_id),
    }
