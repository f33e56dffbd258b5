"""`/redemptions`: one's own orders, and what happens at the till."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.redemptions import queries, service, till, undoing, views
from app.redemptions.models import Status
from app.redemptions.schemas import OrderIn, OrderOut, PreviewOut, ReasonIn, TicketOut, TillIn, UndoneOut, VerifiedOut

router = routing.router("/redemptions", tag="兑换核销")


@router.post("/verify", summary="核销兑换码")
@policy(key="required")
async def verify(body: TillIn, principal: SignedIn, session: Session) -> VerifiedOut:
    done = await till.verify(session, principal=principal, store_id=body.store_id, code=body.code, token=body.token)
    return views.verified(session, principal, done)


@router.post("", status_code=201, summary="兑换商品")
@policy(key="required", phone=True)
async def place(body: OrderIn, principal: SignedIn, session: Session) -> OrderOut:
    return views.placed(await service.place(session, principal=principal, reward_id=body.reward_id, quantity=body.quantity))


@router.post("/preview", summary="核销前查看兑换码")
async def preview(body: TillIn, principal: SignedIn, session: Session) -> PreviewOut:
    seen = await till.preview(session, principal=principal, store_id=body.store_id, code=body.code, token=body.token)
    return await views.previewed(session, seen)


@router.get("", summary="我的兑换单")
async def redemptions(
    principal: SignedIn, session: ReadSession, page: Paging, status: Annotated[Status | None, Query(description="状态")] = None
) -> Page[OrderOut]:
    found = await queries.own(session, principal=principal, status=status, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[OrderOut].model_validate(page_of(await views.orders(session, rows), cursor))


@router.get("/{redemption_id}", summary="兑换单详情")
async def redemption(redemption_id: UUID, principal: SignedIn, session: ReadSession) -> OrderOut:
    return await views.order(session, await queries.access_own(session, principal=principal, redemption_id=redemption_id))


@router.get("/{redemption_id}/ticket", summary="动态二维码内容")
async def ticket(redemption_id: UUID, principal: SignedIn, session: ReadSession) -> TicketOut:
    token, expires_at = await queries.ticket(session, principal=principal, redemption_id=redemption_id)
    return TicketOut(token=token, expires_at=expires_at)


@router.post("/{redemption_id}/cancel", summary="取消兑换")
async def cancel(redemption_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch) -> OrderOut:
    row = await service.cancel(session, principal=principal, redemption_id=redemption_id, seen=if_match)
    return await views.order(session, row)


@router.post("/{redemption_id}/confirm", summary="本人确认手输兑换码")
async def confirm(redemption_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch) -> OrderOut:
    row = await service.confirm(session, principal=principal, redemption_id=redemption_id, seen=if_match)
    return await views.order(session, row)


@router.post("/{redemption_id}/undo", summary="撤销核销")
@policy(key="required")
async def undo(redemption_id: UUID, body: ReasonIn, principal: SignedIn, session: Session) -> UndoneOut:
    done = await undoing.undo(session, principal=principal, redemption_id=redemption_id, reason=body.reason)
    return views.undone(done)
