"""`/moderation/items`: what the content check left to people, for the reviewers and administrators of the area."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.moderation import queries, service, views
from app.moderation.models import ItemKind, ItemStatus
from app.moderation.schemas import ID, BlockIn, ModerationItemOut, PassIn
from app.pagination import Page, Paging, page_of

router = routing.router("/moderation", tag="内容审核")
ItemId = Annotated[UUID, Path(description="审核项编号", examples=[ID])]


@router.get("/items", summary="待人工审核的文字和照片", response_model=Page[ModerationItemOut])
async def items(
    principal: SignedIn, session: ReadSession, paging: Paging,
    kind: Annotated[ItemKind | None, Query(description="文字或照片")] = None,
    status: Annotated[ItemStatus | None, Query(description="状态", examples=["waiting"])] = None,
) -> Any:
    found = await queries.items(session, principal=principal, kind=kind, status=status, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(found, lambda row: row.item.id)
    return page_of(await views.shown(session, page), cursor)


@router.get("/items/{item_id}", summary="审核项详情", response_model=ModerationItemOut)
async def item(item_id: ItemId, principal: SignedIn, session: ReadSession) -> Any:
    return await views.one(session, await queries.access_item(session, principal=principal, item_id=item_id))


@router.post("/items/{item_id}/pass", summary="通过：可以对外展示", response_model=ModerationItemOut)
async def let_pass(item_id: ItemId, body: PassIn, principal: SignedIn, session: Session, if_match: IfMatch) -> Any:
    row = await service.decide(session, principal=principal, item_id=item_id, command="pass", note=body.note, seen=if_match)
    return await views.one(session, row)


@router.post("/items/{item_id}/block", summary="不通过：不对外展示，并告知提交人", response_model=ModerationItemOut)
async def block(item_id: ItemId, body: BlockIn, principal: SignedIn, session: Session, if_match: IfMatch) -> Any:
    row = await service.decide(session, principal=principal, item_id=item_id, command="block", note=body.note, seen=if_match)
    return await views.one(session, row)
