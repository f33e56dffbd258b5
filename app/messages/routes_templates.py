"""`/messages/templates/{template_id}`: the subscription templates, as the platform's administrator keeps them."""

from typing import Annotated

from fastapi import Path

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.messages import queries, templates, views
from app.messages.schemas import TEMPLATE
from app.messages.schemas_templates import MessageTemplateIn, MessageTemplateOut, TemplatePreviewIn, TemplatePreviewOut

router = routing.router("/messages/templates/{template_id}", tag="消息")
TemplateId = Annotated[
    str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$", description="微信后台给出的模板编号", examples=[TEMPLATE])
]


@router.get("", summary="订阅模板的内容与规则")
async def template(template_id: TemplateId, principal: SignedIn, session: ReadSession) -> MessageTemplateOut:
    row = await queries.template(session, template_id)
    templates.require_administrator(principal)
    return await views.template(session, row)


@router.put("", summary="新增或修改订阅模板")
async def put(template_id: TemplateId, body: MessageTemplateIn, principal: SignedIn, session: Session, seen: IfMatch) -> MessageTemplateOut:
    row = await templates.put(session, principal=principal, template_id=template_id, told=body, seen=seen)
    return await views.template(session, row)


@router.post("/preview", summary="预览订阅消息")
async def preview(template_id: TemplateId, body: TemplatePreviewIn, principal: SignedIn, session: ReadSession) -> TemplatePreviewOut:
    row = await queries.template(session, template_id)
    templates.require_administrator(principal)
    if body.fields is not None:
        templates.check_fields(body.fields)
    return views.preview(row, body)
