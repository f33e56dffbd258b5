"""`/organisations`: the Party organisations of the county."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.organisations import queries, service, views
from app.organisations.models import OrganisationKind
from app.organisations.schemas import OrganisationIn, OrganisationOut, OrganisationPatch
from app.pagination import Page, Paging, page_of

router = routing.router("/organisations", tag="党组织")
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=["01933c5e-7a00-7000-8000-000000000001"])]
OfKind = Annotated[OrganisationKind | None, Query(description="组织类型", examples=["branch"])]


@router.post("", status_code=201, summary="新增党组织")
async def create(body: OrganisationIn, principal: SignedIn, session: Session) -> OrganisationOut:
    fields = body.model_dump(exclude={"area_id"})
    organisation = await service.create(session, principal=principal, area_id=body.area_id, fields=fields)
    return await views.one(session, principal, organisation)


@router.get("", summary="党组织列表")
async def organisations(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, kind: OfKind = None
) -> Page[OrganisationOut]:
    found = await queries.organisations(session, area_id=area_id, kind=kind, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda organisation: organisation.id)
    return Page[OrganisationOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/{organisation_id}", summary="党组织详情")
async def organisation(organisation_id: UUID, principal: SignedIn, session: ReadSession) -> OrganisationOut:
    return await views.one(session, principal, await queries.get(session, organisation_id))


@router.patch("/{organisation_id}", summary="修改党组织信息")
async def update(
    organisation_id: UUID, body: OrganisationPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> OrganisationOut:
    fields = body.model_dump(exclude_unset=True, exclude={"area_id"})
    organisation = await service.update(
        session, principal=principal, organisation_id=organisation_id, seen=if_match, area_id=body.area_id, fields=fields
    )
    return await views.one(session, principal, organisation)
