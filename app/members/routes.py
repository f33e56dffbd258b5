"""`/members`: the texts to agree to and what was said, the phone, work relations. What needs other features stands in `me`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path

from app.auth import queries as auth_queries
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn, WeChat
from app.members import masking, queries, service, workflow
from app.members.schemas import ConsentTextIn, ConsentTextOut, EmployerIn, PhoneIn, PhoneOut, SaidOut, WorkEnd, WorkOut
from app.pagination import Page, Paging, page_of

router = routing.router("/members", tag="个人")
RelationId = Annotated[UUID, Path(description="从业关系编号", examples=["01933c5e-7a00-7000-8000-000000000021"])]


@router.get("/consent-texts", response_model=list[ConsentTextOut], summary="各项说明的当前版本")
@policy(public=True)
async def consent_texts(session: ReadSession) -> Any:
    return [queries.consent_text_out(text) for text in await queries.consent_texts(session)]


@router.post("/consent-texts", response_model=ConsentTextOut, status_code=201, summary="发布说明的新版本")
@policy(step_up=True)
async def publish_text(body: ConsentTextIn, principal: SignedIn, session: Session) -> Any:
    return queries.consent_text_out(await service.publish_text(session, principal=principal, **body.model_dump()))


@router.get("/me/consents", response_model=Page[SaidOut], summary="我的同意与撤回记录")
async def said(principal: SignedIn, session: ReadSession, page: Paging) -> Any:
    found = await queries.consent_history(session, member_id=principal.account_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    return page_of([queries.consent_out(row, current=current) | {"title": title} for row, title, current in rows], cursor)


@router.post("/me/phone", response_model=PhoneOut, summary="绑定手机号")
@policy(consents=())
async def bind_phone(body: PhoneIn, principal: SignedIn, reader: ReadSession, session: Session, wechat: WeChat) -> Any:
    workflow.require_member(principal)
    openid = await auth_queries.openid_of(reader, account_id=principal.account_id)
    await reader.close()  # no connection waits while WeChat answers
    phone = await wechat.phone_number(body.code, openid=openid)
    await service.bind_phone(session, member_id=principal.account_id, phone=phone)
    return {"phone": masking.mask_phone(phone)}


@router.get("/me/work-relations", response_model=Page[WorkOut], summary="我的从业关系")
async def work_relations(principal: SignedIn, session: ReadSession, page: Paging) -> Any:
    found = await queries.work_relations(session, member_id=principal.account_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return page_of(await queries.work_out(session, rows), cursor)


@router.post("/me/work-relations", response_model=WorkOut, status_code=201, summary="新增从业关系")
async def begin_work(body: EmployerIn, principal: SignedIn, session: Session) -> Any:
    workflow.require_member(principal)
    relation = await service.begin_work(session, member_id=principal.account_id, told=body)
    return (await queries.work_out(session, [relation]))[0]


@router.post("/me/work-relations/{relation_id}/end", response_model=WorkOut, summary="结束从业关系")
async def end_work(relation_id: RelationId, body: WorkEnd, principal: SignedIn, session: Session) -> Any:
    workflow.require_member(principal)
    relation = await service.end_work(session, member_id=principal.account_id, relation_id=relation_id, until=body.until)
    return (await queries.work_out(session, [relation]))[0]
