"""`/enterprises/{id}/assignments`, `…/visits`: who looks after an enterprise, and who was there."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.roles import ScopeType
from app.auth.routing import ReadSession, Session, SignedIn
from app.coverage import queries, service, views
from app.coverage.params import OnOrAll
from app.coverage.schemas import AssignmentIn, AssignmentOut, EndIn, VisitIn, VisitOut
from app.pagination import Page, Paging, page_of

router = routing.router("/enterprises", tag="新业态企业")
EnterpriseId = Annotated[UUID, Path(description="企业编号", examples=["01933c5e-7a00-7000-8000-000000000003"])]
AssignmentId = Annotated[UUID, Path(description="任职编号", examples=["01933c5e-7a00-7000-8000-000000000005"])]
HERE = ScopeType.ENTERPRISE


@router.post("/{enterprise_id}/assignments", status_code=201, summary="为企业指派党建指导员或联络员（区域管理员）")
async def assign(enterprise_id: EnterpriseId, body: AssignmentIn, principal: SignedIn, session: Session) -> AssignmentOut:
    row = await service.assign(session, principal=principal, scope_type=HERE, place_id=enterprise_id, told=body)
    return await views.assignment(session, principal, await queries.place(session, HERE, enterprise_id), row)


@router.get("/{enterprise_id}/assignments", summary="企业的党建指导员和联络员")
async def assignments(
    enterprise_id: EnterpriseId, principal: SignedIn, session: ReadSession, page: Paging, on: OnOrAll = None
) -> Page[AssignmentOut]:
    place = await queries.place(session, HERE, enterprise_id)
    found = await queries.assignments(session, of=place, on=on, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    return Page[AssignmentOut].model_validate(page_of(await views.assignments(session, principal, place, rows), cursor))


@router.post("/{enterprise_id}/assignments/{assignment_id}/end", summary="结束企业任职，权限立即收回（区域管理员）")
async def end_assignment(
    enterprise_id: EnterpriseId, assignment_id: AssignmentId, body: EndIn, principal: SignedIn, session: Session
) -> AssignmentOut:
    row = await service.end_assignment(
        session, principal=principal, scope_type=HERE, place_id=enterprise_id, assignment_id=assignment_id, until=body.until
    )
    return await views.assignment(session, principal, await queries.place(session, HERE, enterprise_id), row)


@router.post("/{enterprise_id}/visits", status_code=201, summary="记录企业走访（指导员、联络员）")
async def log_visit(enterprise_id: EnterpriseId, body: VisitIn, principal: SignedIn, session: Session) -> VisitOut:
    row = await service.log_visit(session, principal=principal, scope_type=HERE, place_id=enterprise_id, told=body)
    return await views.visit(session, row)


@router.get("/{enterprise_id}/visits", summary="企业走访记录")
async def visits(enterprise_id: EnterpriseId, principal: SignedIn, session: ReadSession, page: Paging) -> Page[VisitOut]:
    place = await queries.place(session, HERE, enterprise_id)
    return Page[VisitOut].model_validate(await views.visits(session, principal, place, page))
