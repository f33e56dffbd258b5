"""`/areas/{id}/checkins` and `/areas/{id}/appointments`: 双报到."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from starlette.responses import Response

from app.auth import routing
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.checkins import certificates, queries, queries_figures, reading, service, views
from app.checkins.models import AppointedRole, Kind, Status
from app.checkins.schemas import (
    AREA,
    CHECKIN,
    AppointIn,
    AppointmentOut,
    AppointmentsOut,
    CheckInIn,
    CheckInOut,
    ConfirmIn,
    EndIn,
    ReasonIn,
)
from app.pagination import Page, Paging, page_of
from app.schemas import Day

router = routing.router("/areas", tag="双报到")
ONE = "/{area_id}/checkins/{checkin_id}"
AreaId = Annotated[UUID, Path(description="区域", examples=[AREA["id"]])]
CheckInId = Annotated[UUID, Path(description="报到", examples=[CHECKIN["id"]])]
AppointmentId = Annotated[UUID, Path(description="聘任", examples=[CHECKIN["appointment"]["id"]])]
StatusQuery = Annotated[Status | None, Query(description="状态", examples=["pending"])]
KindQuery = Annotated[Kind | None, Query(description="个人或企业", examples=["member"])]
On = Annotated[Day | None, Query(description="哪一天；不填为今天", examples=["2026-11-24"])]
RoleQuery = Annotated[AppointedRole | None, Query(description="身份", examples=["mobile_grid_member"])]


@router.get("/checkins/mine", summary="我的双报到，及我所联系企业的双报到")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[CheckInOut]:
    found = await queries.own(session, principal=principal, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[CheckInOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.post("/{area_id}/checkins", status_code=201, summary="到社区报到")
async def report_in(area_id: AreaId, body: CheckInIn, principal: SignedIn, session: Session) -> CheckInOut:
    row = await service.report_in(session, principal=principal, area_id=area_id, told=body)
    return await reading.detail(session, principal, row)


@router.get("/{area_id}/checkins", summary="区域内的双报到（社区审核员、区域管理员）")
async def checkins(
    area_id: AreaId, principal: SignedIn, session: AuditedSession, page: Paging, status: StatusQuery = None, kind: KindQuery = None
) -> Page[CheckInOut]:
    area = await queries.access_area(session, principal=principal, area_id=area_id)
    found = await queries.within_area(session, area_path=area.path, status=status, kind=kind, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[CheckInOut].model_validate(page_of(await reading.page(session, principal, rows, area_path=area.path), cursor))


@router.get(ONE, summary="双报到详情")
async def checkin(area_id: AreaId, checkin_id: CheckInId, principal: SignedIn, session: AuditedSession) -> CheckInOut:
    row = await queries.access(session, principal=principal, area_id=area_id, checkin_id=checkin_id)
    return await reading.detail(session, principal, row)


@router.post(ONE + "/confirm", summary="确认报到并聘任（社区审核员）")
async def confirm(
    area_id: AreaId, checkin_id: CheckInId, body: ConfirmIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> CheckInOut:
    row = await service.confirm(
        session, principal=principal, area_id=area_id, checkin_id=checkin_id, told=body, seen=if_match
    )
    return await reading.detail(session, principal, row)


@router.post(ONE + "/reject", summary="不予确认（社区审核员）")
async def reject(
    area_id: AreaId, checkin_id: CheckInId, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> CheckInOut:
    row = await service.reject(
        session, principal=principal, area_id=area_id, checkin_id=checkin_id, reason=body.reason, seen=if_match
    )
    return await reading.detail(session, principal, row)


@router.post(ONE + "/withdraw", summary="撤回报到")
async def withdraw(
    area_id: AreaId, checkin_id: CheckInId, principal: SignedIn, session: Session, if_match: IfMatch
) -> CheckInOut:
    row = await service.withdraw(session, principal=principal, area_id=area_id, checkin_id=checkin_id, seen=if_match)
    return await reading.detail(session, principal, row)


@router.post(ONE + "/end", summary="结束报到：社区结束，或本人、企业离开")
async def end(
    area_id: AreaId, checkin_id: CheckInId, body: EndIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> CheckInOut:
    row = await service.end(
        session, principal=principal, area_id=area_id, checkin_id=checkin_id, reason=body.reason, seen=if_match
    )
    return await reading.detail(session, principal, row)


@router.post(ONE + "/appointments", status_code=201, summary="再聘任一种身份，或续聘（社区审核员）")
async def appoint(
    area_id: AreaId, checkin_id: CheckInId, body: AppointIn, principal: SignedIn, session: Session
) -> AppointmentOut:
    row, appointment = await service.appoint(
        session, principal=principal, area_id=area_id, checkin_id=checkin_id, told=body
    )
    return await views.appointed(session, principal, row, appointment)


@router.post(ONE + "/appointments/{appointment_id}/revoke", summary="撤销聘任（社区审核员）")
async def revoke(
    area_id: AreaId, checkin_id: CheckInId, appointment_id: AppointmentId, body: ReasonIn, principal: SignedIn, session: Session,
    if_match: IfMatch,
) -> AppointmentOut:
    row, appointment = await service.revoke(
        session, principal=principal, area_id=area_id, checkin_id=checkin_id, appointment_id=appointment_id, reason=body.reason,
        seen=if_match,
    )
    return await views.appointed(session, principal, row, appointment)


@router.get(
    ONE + "/appointments/{appointment_id}/certificate", summary="聘书（A4，可打印）", response_class=Response,
    responses={200: {"description": "聘书", "content": {"application/pdf": {}}}},
)
async def certificate(
    area_id: AreaId, checkin_id: CheckInId, appointment_id: AppointmentId, principal: SignedIn, session: AuditedSession
) -> Response:
    row = await queries.access(session, principal=principal, area_id=area_id, checkin_id=checkin_id)
    held = await queries.appointment_of(session, checkin_id=row.id, appointment_id=appointment_id)
    return await certificates.download(session, principal, row, held)


@router.get("/{area_id}/appointments", summary="区域内的聘任和双报到人数（社区审核员、区域管理员）")
async def appointments(
    area_id: AreaId, principal: SignedIn, session: ReadSession, page: Paging, on: On = None, role: RoleQuery = None
) -> AppointmentsOut:
    area = await queries.access_area(session, principal=principal, area_id=area_id)
    day = on or await queries.today(session)
    found = await queries_figures.appointments(session, area_path=area.path, on=day, role=role, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    items, figures = await views.holdings(session, rows), await views.figures(session, area, day)
    return AppointmentsOut(items=items, next_cursor=cursor, figures=figures)
