"""`/collusion/cases`: what looks like a ring, for the administrators and auditors of the area. Newest first; there is no other order."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.collusion import queries, service, views
from app.collusion.models import CaseStatus
from app.collusion.schemas import CaseDetailOut, CaseOut, DecisionIn
from app.pagination import Page, Paging, page_of
from app.stores import queries as stores_queries

router = routing.router("/collusion", tag="核销复核")


@router.get("/cases", summary="待复核的核销异常", response_model=Page[CaseOut])
async def cases(
    principal: SignedIn, session: ReadSession, paging: Paging,
    status: Annotated[CaseStatus | None, Query(description="状态")] = None,
    area_id: Annotated[UUID | None, Query(description="区域（含下级）")] = None,
    store_id: Annotated[UUID | None, Query(description="商家")] = None,
) -> Any:
    area_path = await stores_queries.area_path(session, area_id)
    found = await queries.cases(
        session, principal=principal, status=status, area_path=area_path, store_id=store_id, limit=paging.limit, after=paging.after
    )
    page, cursor = paging.cut(found, lambda row: row[0].id)
    return page_of(await views.cases(session, principal, page), cursor)


@router.get("/cases/{case_id}", summary="核销异常详情", response_model=CaseDetailOut)
async def case(case_id: UUID, principal: SignedIn, session: AuditedSession) -> Any:
    row = await queries.access_case(session, principal=principal, case_id=case_id)
    service.note_reading(session, row[0], row[1])
    return await views.case(session, principal, row)


@router.post("/cases/{case_id}/dismiss", summary="判断为正常", response_model=CaseDetailOut)
async def dismiss(case_id: UUID, body: DecisionIn, principal: SignedIn, session: Session, if_match: IfMatch) -> Any:
    case, store = await service.decide(
        session, principal=principal, case_id=case_id, command="dismiss", note=body.note, seen=if_match
    )
    return await views.case(session, principal, (case, store, body.note))


@router.post("/cases/{case_id}/note", summary="记录在案，另行核实", response_model=CaseDetailOut)
async def note(case_id: UUID, body: DecisionIn, principal: SignedIn, session: Session, if_match: IfMatch) -> Any:
    case, store = await service.decide(
        session, principal=principal, case_id=case_id, command="note", note=body.note, seen=if_match
    )
    return await views.case(session, principal, (case, store, body.note))
