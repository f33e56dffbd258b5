"""`/messages`: one's own inbox, and the permissions to send copies of it through WeChat."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query
from starlette.responses import Response

from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.messages import queries, service, views
from app.messages.models import Category
from app.messages.schemas import EXAMPLE, MessageOut, SubscriptionsIn, SubscriptionsOut, TemplateOut, UnreadOut
from app.messages.templates import require_administrator
from app.pagination import Page, Paging, page_of

router = routing.router("/messages", tag="消息")
MessageId = Annotated[UUID, Path(description="消息编号", examples=[EXAMPLE["id"]])]
OfCategory = Annotated[Category | None, Query(description="只看一类", examples=["report"])]
Retired = Annotated[bool, Query(description="包括已停用的模板，仅平台管理员", examples=[True])]
Unread = Annotated[bool | None, Query(description="true 只看未读，false 只看已读", examples=[True])]


@router.get("", summary="我的消息")
async def messages(
    principal: SignedIn, session: ReadSession, page: Paging, unread: Unread = None, category: OfCategory = None
) -> Page[MessageOut]:
    found = await queries.inbox(
        session, member_id=principal.account_id, unread=unread, category=category, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[MessageOut].model_validate(page_of([views.message(row) for row in rows], cursor))


@router.get("/unread-count", summary="未读消息数")
async def unread_count(principal: SignedIn, session: ReadSession) -> UnreadOut:
    counts = await queries.unread_counts(session, member_id=principal.account_id)
    return UnreadOut(count=sum(counts.values()), by_category=counts)


@router.post("/{message_id}/read", summary="标记为已读")
async def read(message_id: MessageId, principal: SignedIn, session: Session) -> MessageOut:
    return views.message(await service.read(session, member_id=principal.account_id, message_id=message_id))


@router.post("/read-all", status_code=204, summary="全部标记为已读")
async def read_all(principal: SignedIn, session: Session) -> Response:
    await service.read_all(session, member_id=principal.account_id)
    return Response(status_code=204)


@router.get("/templates", response_model=list[TemplateOut], summary="订阅消息模板")
async def templates(principal: SignedIn, session: ReadSession, retired: Retired = False) -> Any:
    """What the mini program may ask a permission for."""
    if retired:
        require_administrator(principal)
    return await queries.templates(session, retired=retired)


@router.post("/subscriptions", summary="上报订阅结果")
async def subscriptions(body: SubscriptionsIn, principal: SignedIn, session: Session) -> SubscriptionsOut:
    results: dict[str, str] = dict(body.results)
    return SubscriptionsOut(permitted=await service.count_permissions(session, member_id=principal.account_id, results=results))
