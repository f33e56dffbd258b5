"""`/organisations`: the Party organisations of the county."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.organisations import queries, service, views
from app.organisations.queries import Wanted
from app.organisations.schemas import OrganisationDetail, OrganisationIn, OrganisationOut, OrganisationPatch, TreeOut
from app.pagination import Page, Paging, page_of

router = routing.router("/organisations", tag="党组织")
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=["01933c5e-7a00-7000-8000-000000000001"])]
OfKind = Annotated[str | None, Query(max_length=32, description="组织类型", examples=["branch"])]
OfParent = Annotated[UUID | None, Query(description="只看该组织的直接下级", examples=["01933c5e-7a00-7000-8000-000000000003"])]
Root = Annotated[bool, Query(description="只看没有上级的组织", examples=[True])]
Dissolved = Annotated[bool, Query(description="只看已撤销的组织；默认只看存续的组织", examples=[False])]


@router.post("", status_code=201, summary="新增党组织")
async def create(body: OrganisationIn, principal: SignedIn, session: Session) -> OrganisationDetail:
    fields = body.model_dump(exclude={"area_id"})
    organisation = await service.create(session, principal=principal, area_id=body.area_id, fields=fields)
    return await views.one(session, principal, organisation)


@router.get("", summary="党组织列表")
async def organisations(
    principal: SignedIn, session: ReadSession, page: Paging, area_id: OfArea = None, kind: OfKind = None, parent_id: OfParent = None,
    root: Root = False, dissolved: Dissolved = False,
) -> Page[OrganisationOut]:
    wanted = Wanted(area_id, kind, parent_id, root, dissolved)
    found = await queries.organisations(session, wanted=wanted, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda organisation: organisation.id)
    return Page[OrganisationOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/{organisation_id}", summary="党组织详情")
async def organisation(organisation_id: UUID, principal: SignedIn, session: ReadSession) -> OrganisationDetail:
    return await views.one(session, principal, await queries.get(session, organisation_id))


@router.get("/{organisation_id}/tree", summary="党组织的下级树")
async def tree(organisation_id: UUID, principal: SignedIn, session: ReadSession) -> TreeOut:
    return await views.tree(session, organisation_id)


@router.patch("/{organisation_id}", summary="修改党组织信息")
async def update(
    organisation_id: UUID, body: OrganisationPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> OrganisationDetail:
    fields = body.model_dump(exclude_unset=True, exclude={"area_id"})
    organisation = await service.update(
        session, principal=principal, organisation_id=organisation_id, seen=if_match, area_id=body.area_id, fields=fields
    )
    return await views.one(session, principal, organisation)
