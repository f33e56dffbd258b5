"""`/registrations`: one's own, and those of the organisations and areas of staff."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.areas import queries as areas_queries
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn, WeChat
from app.pagination import Page, Paging, page_of
from app.registrations import phones, queries, reading, service, views, workflow
from app.registrations.models import Status
from app.registrations.queries import SixMonthsState
from app.registrations.schemas import (
    AREA,
    ID,
    ApproveIn,
    ContactCardIn,
    ContactCardOut,
    ContactIn,
    ContactPersonIn,
    ReasonIn,
    RegistrationIn,
    RegistrationOut,
    RegistrationPatch,
    TransferIn,
)
from app.registrations.schemas_staff import CountsOut, DetailOut, LineOut

router = routing.router("/registrations", tag="双找登记")
RegistrationId = Annotated[UUID, Path(description="登记编号（id）", examples=[ID])]
StatusQuery = Annotated[Status | None, Query(description="状态", examples=["pending"])]
OrganisationQuery = Annotated[UUID | None, Query(description="只看该组织", examples=["01933c5e-7a00-7000-8000-000000000005"])]
SixMonthsQuery = Annotated[
    SixMonthsState | None, Query(description="流动成员外出六个月：reached 已到，running 未到（组织负责人）", examples=["reached"])
]
OverdueQuery = Annotated[bool | None, Query(description="true 只看已逾期，false 只看今天", examples=[True])]
AreaQuery = Annotated[UUID | None, Query(description="只看该区域及下级", examples=[AREA["id"]])]


@router.post("", status_code=201, summary="双找登记")
@policy(consents=())
async def register(body: RegistrationIn, principal: SignedIn, reader: ReadSession, session: Session, wechat: WeChat) -> RegistrationOut:
    phone = await phones.number_for(reader, wechat, principal=principal, told=body)
    await reader.close()
    return await views.own(session, await service.register(session, principal=principal, told=body, phone=phone))


@router.get("", summary="登记列表（工作人员）")
async def registrations(
    principal: SignedIn, session: AuditedSession, page: Paging, status: StatusQuery = None, organisation_id: OrganisationQuery = None,
    area_id: AreaQuery = None, six_months: SixMonthsQuery = None,
) -> Page[LineOut]:
    path = None if area_id is None else (await areas_queries.get(session, area_id)).path
    found = await queries.in_scope(
        session, principal=principal, status=status, organisation_id=organisation_id, area_path=path, limit=page.limit, after=page.after,
        six_months=six_months,
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[LineOut].model_validate(page_of(await reading.lines(session, principal, rows), cursor))


@router.get("/mine", summary="我的登记")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[RegistrationOut]:
    found = await queries.own(session, member_id=principal.account_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[RegistrationOut].model_validate(page_of(await views.mine(session, rows), cursor))


@router.get("/contacts-due", summary="今天及逾期应联系的成员")
async def contacts_due(principal: SignedIn, session: AuditedSession, page: Paging, overdue: OverdueQuery = None) -> Page[LineOut]:
    found = await queries.contacts_due(session, principal=principal, overdue=overdue, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[LineOut].model_validate(page_of(await reading.lines(session, principal, rows, due=True), cursor))


@router.get("/contact-card", summary="我的联系名片（联系人）")
async def contact_card(principal: SignedIn, session: ReadSession) -> ContactCardOut:
    workflow.require_contact_office(principal)
    return await views.card(session, account_id=principal.account_id)


@router.put("/contact-card", summary="设置我的联系名片（联系人）")
async def put_contact_card(body: ContactCardIn, principal: SignedIn, session: Session) -> ContactCardOut:
    await service.set_card(session, principal=principal, phone=body.phone, real_name=body.real_name)
    return await views.card(session, account_id=principal.account_id)


@router.get("/counts", summary="区域登记人数（区域管理员）")
async def counts(
    principal: SignedIn, session: AuditedSession, area_id: Annotated[UUID, Query(description="区域", examples=[AREA["id"]])]
) -> CountsOut:
    return await reading.counts(session, principal, area_id=area_id)


@router.get("/{registration_id}", summary="登记详情")
async def registration(registration_id: RegistrationId, principal: SignedIn, session: AuditedSession) -> DetailOut:
    row = await queries.access(session, principal=principal, registration_id=registration_id)
    return await reading.detail(session, principal, row)


@router.patch("/{registration_id}", summary="修改登记")
async def edit(
    registration_id: RegistrationId, body: RegistrationPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> RegistrationOut:
    row = await service.edit(session, principal=principal, registration_id=registration_id, changes=body, seen=if_match)
    return await views.own(session, row)


@router.post("/{registration_id}/withdraw", summary="撤回登记")
async def withdraw(registration_id: RegistrationId, principal: SignedIn, session: Session, if_match: IfMatch) -> RegistrationOut:
    row = await service.withdraw(session, principal=principal, registration_id=registration_id, seen=if_match)
    return await views.own(session, row)


@router.post("/{registration_id}/approve", summary="通过登记，指定联系人")
async def approve(
    registration_id: RegistrationId, body: ApproveIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.approve(session, principal=principal, registration_id=registration_id, told=body, seen=if_match)
    return await views.detail(session, principal, row)


@router.post("/{registration_id}/return", summary="退回补正")
async def send_back(
    registration_id: RegistrationId, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.send_back(
        session, principal=principal, registration_id=registration_id, reason=body.reason, seen=if_match
    )
    return await views.detail(session, principal, row)


@router.post("/{registration_id}/reject", summary="不予通过")
async def reject(
    registration_id: RegistrationId, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.reject(session, principal=principal, registration_id=registration_id, reason=body.reason, seen=if_match)
    return await views.detail(session, principal, row)


@router.post("/{registration_id}/transfer", summary="转交其他组织")
async def transfer(
    registration_id: RegistrationId, body: TransferIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.transfer(
        session, principal=principal, registration_id=registration_id, organisation_id=body.organisation_id, reason=body.reason,
        seen=if_match,
    )
    return await views.detail(session, principal, row)


@router.post("/{registration_id}/contacts", summary="记录一次联系")
async def note_contact(
    registration_id: RegistrationId, body: ContactIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.note_contact(
        session, principal=principal, registration_id=registration_id, note=body.note, next_on=body.next_contact_on, seen=if_match
    )
    return await views.detail(session, principal, row)


@router.post("/{registration_id}/contact-person", summary="更换联系人")
async def name_contact_person(
    registration_id: RegistrationId, body: ContactPersonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> DetailOut:
    row = await service.name_contact_person(
        session, principal=principal, registration_id=registration_id, told=body, seen=if_match
    )
    return await views.detail(session, principal, row)
