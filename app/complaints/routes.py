"""`/complaints`: the entry for complaints and suggestions, and their answers."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.complaints import queries, service, views
from app.complaints.models import Status
from app.complaints.schemas import EXAMPLE, AnswerIn, ComplaintIn, ComplaintOut
from app.pagination import Page, Paging, page_of

router = routing.router("/complaints", tag="意见建议")
ComplaintId = Annotated[UUID, Path(description="编号", examples=[EXAMPLE["id"]])]
StatusQuery = Annotated[Status | None, Query(description="状态", examples=["open"])]
Overdue = Annotated[bool, Query(description="只看超过答复时限的", examples=[True])]


@router.post("", status_code=201, summary="提交投诉或建议")
async def submit(body: ComplaintIn, principal: SignedIn, session: Session) -> ComplaintOut:
    row = await service.submit(session, principal=principal, kind=body.kind, text=body.text, upload_ids=body.upload_ids)
    return await views.one(session, principal, row)


@router.get("/mine", summary="我的投诉和建议")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[ComplaintOut]:
    found = await queries.own(session, member_id=principal.account_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[ComplaintOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("", summary="投诉和建议列表（区域管理员）")
async def complaints(
    principal: SignedIn, session: ReadSession, page: Paging, status: StatusQuery = None, overdue: Overdue = False
) -> Page[ComplaintOut]:
    found = await queries.in_scope(
        session, principal=principal, status=status, overdue=overdue, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[ComplaintOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.post("/{complaint_id}/answer", summary="答复")
async def answer(complaint_id: ComplaintId, body: AnswerIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ComplaintOut:
    row = await service.answer(session, principal=principal, complaint_id=complaint_id, text=body.answer, seen=if_match)
    return await views.one(session, principal, row)
