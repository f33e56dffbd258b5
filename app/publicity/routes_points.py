"""`/points/publicity/…`: a quarter's list, and what people say against it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query

from app.auth import routing
from app.auth.routing import AuditedSession, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.publicity import queries, reading, service, views
from app.publicity.models import ObjectionStatus
from app.publicity.schemas import ID, AnswerIn, ObjectionIn, ObjectionOut, PublicityOut, StaffLinesOut, StaffObjectionOut
from app.publicity.workflow import Quarter

router = routing.router("/points", tag="积分")


async def _quarter(
    year: Annotated[int, Path(ge=2020, le=2100, examples=[2026])], quarter: Annotated[int, Path(ge=1, le=4, examples=[3])]
) -> Quarter:
    return Quarter(year, quarter)


Of = Annotated[Quarter, Depends(_quarter)]
ObjectionId = Annotated[UUID, Path(description="异议编号", examples=[ID])]
StatusQuery = Annotated[ObjectionStatus | None, Query(description="处理状态", examples=["received"])]


@router.get("/publicity/{year}-q{quarter}", summary="季度公示名单", response_model=PublicityOut)
async def publicity(of: Of, principal: SignedIn, session: AuditedSession) -> Any:
    return await views.publicity(session, await service.open_list(session, principal=principal, quarter=of))


@router.get("/publicity/{year}-q{quarter}/lines", summary="季度公示名单（区域管理员，实名）", response_model=StaffLinesOut)
async def lines(of: Of, principal: SignedIn, session: AuditedSession) -> Any:
    return await reading.lines(session, principal=principal, quarter=of)


@router.post("/publicity/{year}-q{quarter}/objections", status_code=201, summary="对公示名单提出异议", response_model=ObjectionOut)
async def object_to(of: Of, body: ObjectionIn, principal: SignedIn, session: Session) -> Any:
    made = await service.receive(session, principal=principal, quarter=of, reason=body.reason)
    return {"id": made.id, "status": made.status, "at": made.created_at}


@router.get(
    "/publicity/{year}-q{quarter}/objections", summary="对公示名单的异议（区域管理员）", response_model=Page[StaffObjectionOut]
)
async def objections(of: Of, principal: SignedIn, session: ReadSession, paging: Paging, status: StatusQuery = None) -> Any:
    on = await queries.governed(session, principal=principal, quarter=of)
    rows = await queries.objections(session, list_id=on.id, status=status, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    return page_of(await views.objections(session, principal, page), cursor)


@router.post(
    "/publicity/{year}-q{quarter}/objections/{objection_id}/answer", summary="答复异议", response_model=StaffObjectionOut
)
async def answer(of: Of, objection_id: ObjectionId, body: AnswerIn, principal: SignedIn, session: Session) -> Any:
    answered = await service.answer(session, principal=principal, quarter=of, objection_id=objection_id, **body.model_dump())
    return await views.objection(session, principal, answered)
