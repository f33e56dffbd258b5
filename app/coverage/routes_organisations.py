"""`/organisations/{id}/covers`, `…/assignments`, `…/visits`: whom an organisation covers, who looks after it, who was there."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.roles import ScopeType
from app.auth.routing import ReadSession, Session, SignedIn
from app.coverage import queries, service, views
from app.coverage.params import OnOrAll
from app.coverage.schemas import AssignmentIn, AssignmentOut, CoverIn, CoverOut, EndIn, VisitIn, VisitOut
from app.pagination import Page, Paging, page_of

router = routing.router("/organisations", tag="党组织")
OrganisationId = Annotated[UUID, Path(description="组织编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]
CoverId = Annotated[UUID, Path(description="覆盖记录编号", examples=["01933c5e-7a00-7000-8000-000000000004"])]
AssignmentId = Annotated[UUID, Path(description="任职编号", examples=["01933c5e-7a00-7000-8000-000000000005"])]
HERE = ScopeType.ORGANISATION


@router.post("/{organisation_id}/covers", status_code=201, summary="登记联建覆盖的企业（区域管理员）")
async def cover(organisation_id: OrganisationId, body: CoverIn, principal: SignedIn, session: Session) -> CoverOut:
    row = await service.cover(
        session, principal=principal, organisation_id=organisation_id, enterprise_id=body.enterprise_id, since=body.since
    )
    return await views.cover(session, principal, row)


@router.get("/{organisation_id}/covers", summary="联建覆盖的企业")
async def covers(
    organisation_id: OrganisationId, principal: SignedIn, session: ReadSession, page: Paging, on: OnOrAll = None
) -> Page[CoverOut]:
    place = await queries.place(session, HERE, organisation_id)
    found = await queries.covers(session, organisation_id=place.id, on=on, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[CoverOut].model_validate(page_of(await views.covers(session, principal, rows), cursor))


@router.post("/{organisation_id}/covers/{cover_id}/end", summary="结束联建覆盖（区域管理员）")
async def end_cover(
    organisation_id: OrganisationId, cover_id: CoverId, body: EndIn, principal: SignedIn, session: Session
) -> CoverOut:
    row = await service.end_cover(session, principal=principal, organisation_id=organisation_id, cover_id=cover_id, until=body.until)
    return await views.cover(session, principal, row)


@router.post("/{organisation_id}/assignments", status_code=201, summary="指派党建指导员或联络员（区域管理员）")
async def assign(organisation_id: OrganisationId, body: AssignmentIn, principal: SignedIn, session: Session) -> AssignmentOut:
    row = await service.assign(session, principal=principal, scope_type=HERE, place_id=organisation_id, told=body)
    return await views.assignment(session, principal, await queries.place(session, HERE, organisation_id), row)


@router.get("/{organisation_id}/assignments", summary="党建指导员和联络员")
async def assignments(
    organisation_id: OrganisationId, principal: SignedIn, session: ReadSession, page: Paging, on: OnOrAll = None
) -> Page[AssignmentOut]:
    place = await queries.place(session, HERE, organisation_id)
    found = await queries.assignments(session, of=place, on=on, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row[0].id)
    return Page[AssignmentOut].model_validate(page_of(await views.assignments(session, principal, place, rows), cursor))


@router.post("/{organisation_id}/assignments/{assignment_id}/end", summary="结束任职，权限立即收回（区域管理员）")
async def end_assignment(
    organisation_id: OrganisationId, assignment_id: AssignmentId, body: EndIn, principal: SignedIn, session: Session
) -> AssignmentOut:
    row = await service.end_assignment(
        session, principal=principal, scope_type=HERE, place_id=organisation_id, assignment_id=assignment_id, until=body.until
    )
    return await views.assignment(session, principal, await queries.place(session, HERE, organisation_id), row)


@router.post("/{organisation_id}/visits", status_code=201, summary="记录走访（指导员、联络员）")
async def log_visit(organisation_id: OrganisationId, body: VisitIn, principal: SignedIn, session: Session) -> VisitOut:
    row = await service.log_visit(session, principal=principal, scope_type=HERE, place_id=organisation_id, told=body)
    return await views.visit(session, row)


@router.get("/{organisation_id}/visits", summary="走访记录")
async def visits(organisation_id: OrganisationId, principal: SignedIn, session: ReadSession, page: Paging) -> Page[VisitOut]:
    place = await queries.place(session, HERE, organisation_id)
    return Page[VisitOut].model_validate(await views.visits(session, principal, place, page))
