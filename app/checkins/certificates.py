"""Certificates of appointments: printed for those who hold them, verified by whoever scans their code."""

from typing import Any
from uuid import UUID

from anyio import to_thread
from starlette.responses import Response

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Level
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.checkins import queries, workflow
from app.checkins.models import Appointment, CheckIn, Status
from app.checkins.queries import Held
from app.checkins.workflow import Side, State
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import Forbidden, InvalidTransition
from app.export.certificates import Certificate, told
from app.members import queries as members_queries
from app.qrcodes import views as qrcodes_views

STATES = {
    State.VALID: "该证书有效。", State.NOT_YET: "该聘任尚未开始。", State.ENDED: "该聘任已结束。", State.REVOKED: "该聘任已撤销。",
}
GONE = "该聘任已结束"


async def download(session: AsyncSession, principal: Principal, row: CheckIn, held: Held) -> Response:
    """The certificate as a file, for who holds it and for the community's reviewer; a reviewer's reading of a name is audited.

    Raises Forbidden for others who see the check-in, InvalidTransition once the check-in has ended or the appointment was stopped.
    """
    side = workflow.side(principal, row)
    if side is None:
        raise Forbidden
    if row.status is not Status.CONFIRMED or held.appointment.stopped_as is not None:
        raise InvalidTransition("聘任已结束，不能再打印证书", state=held.state, allowed=[])
    if side is Side.REVIEWER:
        audit_service.record(
            session, "checkins.print_certificate", object_kind="checkin", object_id=row.id, area_path=row.area_path,
            appointment_id=str(held.appointment.id),
        )
    content = await to_thread.run_sync(_drawn, await _written(session, row, held))
    return Response(
        content, media_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{held.appointment.number}.pdf"', "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _drawn(certificate: Certificate) -> bytes:
    from app.export import certificates_pdf  # loaded by the first download: fonts and drawing take 20 MB and a quarter of a second

    return certificates_pdf.document(certificate)


async def _written(session: AsyncSession, row: CheckIn, held: Held) -> Certificate:
    appointment, place = held.appointment, await _place(session, row)
    role, term = workflow.ROLE_NAMES[appointment.role], f"聘期自{told(appointment.valid_from)}至{told(appointment.valid_until)}"
    if row.enterprise_id is not None:
        title, to, text = "证书", await _enterprise(session, row), f"经贵单位报到、社区确认，现聘请为{place}{role}，{term}。"
    else:
        to = await members_queries.real_name(session, member_id=row.reported_by) or ""
        title, text = "聘书", f"经本人报到、社区确认，现聘请您为{place}{role}，{term}。"
    return Certificate(
        title=title, number=appointment.number, to=to, text=text, issuer=place, issued_on=clock.local_day(appointment.created_at),
        verify_url=qrcodes_views.landing_url(session, held.scene),
    )


async def _place(session: AsyncSession, row: CheckIn) -> str:
    """Street and community, as people write them."""
    chain = await areas_queries.ancestors(session, path=row.area_path)
    return "".join(area.name for area in chain if area.level in (Level.STREET, Level.COMMUNITY))


async def _enterprise(session: AsyncSession, row: CheckIn) -> str:
    assert row.enterprise_id is not None
    return (await enterprises_queries.get(session, row.enterprise_id)).name


async def may_issue(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Nobody prints a certificate's code by hand: it is made with the appointment."""
    return False


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of a certificate shows to everybody: masked name, role, community, dates, state. Raises NotFound.

    Of an erased person only that the appointment has ended.
    """
    row, held = await queries.verified(session, target_id)
    holder = await _holder(session, row)
    if holder is None:
        return {"id": str(target_id), "name": GONE, "state": State.ENDED.value, "lines": [f"{GONE}。"]}
    appointment, place = held.appointment, await _place(session, row)
    role = workflow.ROLE_NAMES[appointment.role]
    return {
        "id": str(target_id), "name": f"{role} {holder}", "number": appointment.number, "role": appointment.role.value, "role_name": role,
        "community": place, "valid_from": appointment.valid_from.isoformat(), "valid_until": appointment.valid_until.isoformat(),
        "state": held.state.value, "lines": _lines(appointment, held.state, holder, place),
    }


async def _holder(session: AsyncSession, row: CheckIn) -> str | None:
    if row.enterprise_id is not None:
        return await _enterprise(session, row)
    return await members_queries.masked_name(session, member_id=row.reported_by)


def _lines(appointment: Appointment, state: State, holder: str, place: str) -> list[str]:
    return [
        STATES[state],
        f"{holder}受聘为{place}{workflow.ROLE_NAMES[appointment.role]}。",
        f"聘期自{told(appointment.valid_from)}至{told(appointment.valid_until)}。",
        f"证书编号：{appointment.number}。",
    ]
