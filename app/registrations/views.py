"""Rows of registrations as answers: what of them each reader sees."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app import clock
from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.organisations import queries as organisations_queries
from app.organisations.models import Organisation
from app.registrations import queries, queries_records, workflow
from app.registrations.models import ActorRole, CardPhone, Management, Registration, Status
from app.registrations.schemas import ContactCardOut, RegistrationOut
from app.registrations.schemas_staff import CountsOut, DetailOut, LineOut
from app.schemas import named

NOTHING: dict[str, Any] = {"political_status": None, "party": None}


async def own(session: AsyncSession, row: Registration) -> RegistrationOut:
    """A registration for its person: all that they said, why it was returned, whom they may call."""
    return (await mine(session, [row]))[0]


async def mine(session: AsyncSession, rows: Sequence[Registration]) -> list[RegistrationOut]:
    """Registrations of one person for that person."""
    wholes = await _wholes(session, rows, own=True)
    declared = await queries_records.declarations(session, [row.id for row in rows])
    return [
        RegistrationOut.model_validate(
            whole
            | declared.get(row.id, NOTHING)
            | {"reason": queries_records.told_reason(session, row), "allowed": workflow.allowed(row.status, ActorRole.MEMBER)}
        )
        for row, whole in zip(rows, wholes, strict=True)
    ]


async def detail(session: AsyncSession, principal: Principal, row: Registration) -> DetailOut:
    """A registration for its person, or for staff: the declaration, reasons and history are for the organisation's secretary alone."""
    standing = workflow.standing(principal, row)
    if standing is ActorRole.MEMBER:
        told = (await own(session, row)).model_dump()
        steps = await queries_records.history(session, row, staff=False)
        return DetailOut.model_validate(told | {"member": None, "contacts": [], "history": steps, "six_months": None})
    leads, follows = standing is ActorRole.SECRETARY, standing in (ActorRole.SECRETARY, ActorRole.CONTACT)
    [whole] = await _wholes(session, [row], own=False)
    declared = (await queries_records.declaration(session, registration_id=row.id) if leads else None) or NOTHING
    contacts = await queries_records.contacts(session, registration_id=row.id, reader_id=principal.account_id) if follows else []
    return DetailOut.model_validate(
        whole
        | declared
        | {
            "management": row.management if leads else None, "reason": queries_records.reason(session, row) if leads else None,
            "member": await _member(session, row.member_id), "contacts": contacts,
            "history": await queries_records.history(session, row, staff=True) if leads else [],
            "six_months": _six_months(row, await queries_records.mobile_since(session, [row])) if leads else None,
            "allowed": workflow.allowed(row.status, standing),
        }
    )


async def lines(session: AsyncSession, principal: Principal, rows: Sequence[Registration], *, due: bool = False) -> list[LineOut]:
    """Registrations for staff, without what was declared."""
    organisations = await organisations_queries.by_ids(session, {row.organisation_id for row in rows if row.organisation_id})
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    ids = {row.member_id for row in rows}
    people, phones = await members_queries.by_ids(session, ids), await auth_queries.masked_phones(session, ids)
    led = [row for row in rows if workflow.standing(principal, row) is ActorRole.SECRETARY]
    since, shown = await queries_records.mobile_since(session, led), []
    for row in rows:
        member, standing = people.get(row.member_id), workflow.standing(principal, row)
        told = {"id": row.member_id, "name": members_queries.name_of(session, member), "phone": phones.get(row.member_id)}
        shown.append(
            LineOut.model_validate(
                _facts(row, organisations)
                | {
                    "member": told, "occupation": member.occupation if member else None, "work_area": named(areas[row.area_id]),
                    "overdue_days": _overdue_days(row) if due else None,
                    "six_months": _six_months(row, since) if standing is ActorRole.SECRETARY else None,
                    "allowed": workflow.allowed(row.status, standing),
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


def _facts(row: Registration, organisations: dict[UUID, Organisation]) -> dict[str, Any]:
    match = row.matched_by
    return {
        "id": row.id, "number": row.number, "direction": row.direction, "status": row.status, "next_contact_on": row.next_contact_on,
        "at": row.created_at, "version": row.version,
        "organisation": named(organisations.get(row.organisation_id) if row.organisation_id else None),
        "match": None if match is None else {"reason": match, "text": workflow.MATCH_TEXTS[match]},
    }


def _overdue_days(row: Registration) -> int | None:
    return None if row.next_contact_on is None else max(0, (clock.today() - row.next_contact_on).days)


def _six_months(row: Registration, since: dict[UUID, date]) -> dict[str, Any] | None:
    on = row.six_months_on
    if on is None or row.status is not Status.APPROVED or row.management is not Management.MOBILE:
        return None
    return {"since": since.get(row.id), "on": on, "reached": on <= clock.today()}


async def _wholes(session: AsyncSession, rows: Sequence[Registration], *, own: bool) -> list[dict[str, Any]]:
    """Registrations of one person, with what they said about themselves and who looks after them."""
    if not rows:
        return []
    organisations = await organisations_queries.by_ids(session, {row.organisation_id for row in rows if row.organisation_id})
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    member = await members_queries.person(session, member_id=rows[0].member_id)
    employers = await members_queries.employments(session, member_id=rows[0].member_id)
    cards = await queries_records.cards(session, rows)
    said = {
        "real_name": members_queries.name_of(session, member), "occupation": member.occupation if member else None,
        "employers": [{"enterprise_id": one.enterprise_id, "name": one.name, "since": one.since} for one in employers],
    }
    return [
        _facts(row, organisations)
        | said
        | {
            "work_area": named(areas[row.area_id]), "management": row.management,
            "contact": await _contact(session, row, organisations, cards.get(row.id), own=own),
        }
        for row in rows
    ]


async def card(session: AsyncSession, *, account_id: UUID) -> ContactCardOut:
    """What an official lets those be shown whom they look after."""
    said = await queries_records.card(session, account_id=account_id)
    return ContactCardOut(phone=said or CardPhone.OFFICE, real_name=await members_queries.real_name(session, member_id=account_id))


async def _contact(
    session: AsyncSession, row: Registration, organisations: dict[UUID, Organisation], card: CardPhone | None, *, own: bool
) -> dict[str, Any] | None:
    """The contact person as the card says, the own number for the member alone; the office, where nobody holds it any more.

    A person has one registration at most that has somebody, so that this is read once for a page.
    """
    organisation = organisations.get(row.organisation_id) if row.organisation_id else None
    if row.contact_account_id is None or organisation is None:
        return None
    office = {"name": f"{organisation.name}联系人", "phone": organisation.phone}
    if card is None:
        return office
    name = await members_queries.real_name(session, member_id=row.contact_account_id)
    phone = organisation.phone if card is CardPhone.OFFICE else None
    if card is CardPhone.OWN and own:
        phone = await auth_queries.phone_of(session, account_id=row.contact_account_id)
    return {"name": name or office["name"], "phone": phone}


async def _member(session: AsyncSession, member_id: UUID) -> dict[str, Any]:
    return {
        "id": member_id, "name": await members_queries.real_name(session, member_id=member_id),
        "phone": await auth_queries.masked_phone(session, account_id=member_id),
    }
