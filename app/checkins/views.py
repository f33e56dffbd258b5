"""Rows of check-ins and appointments as answers: what of them each reader sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.checkins import queries, queries_figures, workflow
from app.checkins.models import AppointedRole, Appointment, CheckIn, Kind
from app.checkins.queries import Held
from app.checkins.schemas import AppointmentOut, CheckInOut, FiguresOut, HoldingOut
from app.checkins.workflow import Side, State
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.members import queries as members_queries
from app.points import queries_awards as points_queries_awards
from app.points import views as points_views
from app.qrcodes import views as qrcodes_views
from app.schemas import named


@dataclass(frozen=True, slots=True)
class _Around:
    """What belongs to the rows of a page, read for all of them at once."""

    areas: Mapping[UUID, Any]
    enterprises: Mapping[UUID, Any]
    appointments: Mapping[UUID, list[Held]]
    names: Mapping[UUID, str | None]
    aliases: Mapping[UUID, str]
    phones: Mapping[UUID, str]
    awards: Mapping[UUID, list[Any]]


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[CheckIn]) -> list[CheckInOut]:
    """Whoever lets staff see people by it has audited that (`reading`)."""
    around = await _around(session, principal, rows)
    return [_out(session, principal, row, around) for row in rows]


async def one(session: AsyncSession, principal: Principal, row: CheckIn) -> CheckInOut:
    return (await shown(session, principal, [row]))[0]


async def appointed(session: AsyncSession, principal: Principal, row: CheckIn, appointment: Appointment) -> AppointmentOut:
    held = await queries.appointment_of(session, checkin_id=row.id, appointment_id=appointment.id)
    return _appointment(session, principal, row, held)


async def _around(session: AsyncSession, principal: Principal, rows: Sequence[CheckIn]) -> _Around:
    people = {row.member_id for row in rows if row.member_id is not None}
    open_ones = {row.member_id for row in rows if row.member_id is not None and _tells(principal, row)}
    members = await members_queries.by_ids(session, open_ones) if open_ones else {}
    return _Around(
        areas=await areas_queries.by_ids(session, {row.area_id for row in rows}),
        enterprises=await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows if row.enterprise_id is not None}),
        appointments=await queries.held(session, {row.id for row in rows}) if rows else {},
        names={member_id: members_queries.name_of(session, member) for member_id, member in members.items()},
        aliases=await members_queries.aliases(session, people),
        phones=await auth_queries.masked_phones(session, open_ones) if open_ones else {},
        awards=await points_queries_awards.of_sources(
            session, source_type="checkin", source_ids=[row.id for row in rows], rules=[workflow.RULE]
        ),
    )


def _tells(principal: Principal, row: CheckIn) -> bool:
    return workflow.owns(principal, row) or workflow.reads_person(principal, row)


def _out(session: AsyncSession, principal: Principal, row: CheckIn, around: _Around) -> CheckInOut:
    appointments = [_appointment(session, principal, row, held) for held in around.appointments.get(row.id, [])]
    lasting = [one for one in appointments if one.state in (State.VALID, State.NOT_YET)]
    reads = workflow.reads_texts(principal, row)
    return CheckInOut.model_validate(
        {
            "id": row.id, "area": named(around.areas[row.area_id]), "kind": row.kind, "person": _person(principal, row, around),
            "enterprise": named(around.enterprises[row.enterprise_id]) if row.enterprise_id else None, "status": row.status,
            "wished_role": row.wished_role, "note": queries.note(session, row) if reads else None,
            "reason": queries.reason(session, row) if reads else None, "appointment": lasting[0] if lasting else None,
            "appointments": appointments, "at": row.created_at, "decided_at": row.decided_at, "closed_at": row.closed_at,
            "award": _award(principal, row, around), "version": row.version, "allowed": workflow.allowed(principal, row),
        }
    )


def _award(principal: Principal, row: CheckIn, around: _Around) -> dict[str, Any] | None:
    acting = workflow.side(principal, row)
    return None if acting is None else points_views.outcome(around.awards.get(row.id, []), own=workflow.owns(principal, row))


def _person(principal: Principal, row: CheckIn, around: _Around) -> dict[str, Any] | None:
    if row.member_id is None:
        return None
    if _tells(principal, row):
        return {"name": around.names.get(row.member_id), "phone": around.phones.get(row.member_id)}
    return {"name": around.aliases[row.member_id], "phone": None}


def _appointment(session: AsyncSession, principal: Principal, row: CheckIn, held: Held) -> AppointmentOut:
    appointment, acting = held.appointment, workflow.side(principal, row)
    revocable = acting is Side.REVIEWER and held.state in (State.VALID, State.NOT_YET)
    return AppointmentOut(
        id=appointment.id, number=appointment.number, role=appointment.role, role_name=workflow.ROLE_NAMES[appointment.role],
        valid_from=appointment.valid_from, valid_until=appointment.valid_until, state=held.state,
        reason=queries.reason(session, appointment) if acting else None, verify_url=qrcodes_views.landing_url(session, held.scene),
        version=appointment.version, allowed=["revoke"] if revocable else [],
    )


async def holdings(session: AsyncSession, found: Sequence[Any]) -> list[HoldingOut]:
    """Appointments for staff: riders by alias; who must know more opens the check-in."""
    rows = [row for _, row, _ in found]
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    enterprises = await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows if row.enterprise_id})
    aliases = await members_queries.aliases(session, {row.member_id for row in rows if row.member_id})
    return [
        HoldingOut.model_validate(
            {
                "id": appointment.id, "number": appointment.number, "role": appointment.role,
                "role_name": workflow.ROLE_NAMES[appointment.role], "kind": row.kind,
                "holder": aliases[row.member_id] if row.kind is Kind.MEMBER else enterprises[row.enterprise_id].name,
                "area": named(areas[row.area_id]), "checkin_id": row.id, "valid_from": appointment.valid_from,
                "valid_until": appointment.valid_until, "state": workflow.state(appointment, today),
            }
        )
        for appointment, row, today in found
    ]


async def figures(session: AsyncSession, area: Area, on: date) -> FiguresOut:
    """Every role is told, those that nobody holds too."""
    roles = await queries_figures.by_role(session, area_path=area.path, on=on)
    communities = await queries_figures.by_community(session, area_path=area.path, on=on)
    return FiguresOut.model_validate(
        {
            "on": on, "riders": sum(row[2] for row in communities), "enterprises": sum(row[3] for row in communities),
            "roles": [
                {"role": role, "role_name": workflow.ROLE_NAMES[role], "count": roles.get(role, 0)} for role in AppointedRole
            ],
            "communities": [
                {"area": {"id": area_id, "name": name}, "riders": riders, "enterprises": firms}
                for area_id, name, riders, firms in communities
            ],
        }
    )


