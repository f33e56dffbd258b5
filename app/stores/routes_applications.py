"""`/stores/applications`: shops that want to become partners."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.stores import queries, queries_applications, views_applications
from app.stores.models_applications import Status
from app.stores.schemas_applications import SHOWN, ApplicationIn, ApplicationOut, ApplicationPatch, ApprovalIn, ReasonIn
from app.stores.service import applying

router = routing.router("/stores/applications", tag="商家入驻")
ApplicationId = Annotated[UUID, Path(description="申请编号", examples=[SHOWN["id"]])]
OfStatus = Annotated[Status | None, Query(description="状态", examples=["submitted"])]
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=[SHOWN["area"]["id"]])]
APART = {"area_id", "location", "upload_ids"}  # fields of a body that are no columns


@router.post("", status_code=201, summary="申请成为合作商家")
@policy(phone=True, key="required")
async def apply(body: ApplicationIn, principal: SignedIn, session: Session) -> ApplicationOut:
    row = await applying.apply(
        session, principal=principal, area_id=body.area_id, location=body.location, upload_ids=body.upload_ids,
        fields=body.model_dump(exclude=APART),
    )
    return await views_applications.one(session, principal, row)


@router.get("", summary="入驻申请列表（区域管理员）")
async def in_scope(
    principal: SignedIn, session: ReadSession, page: Paging, status: OfStatus = None, area_id: OfArea = None
) -> Page[ApplicationOut]:
    path = await queries.area_path(session, area_id)
    found = await queries_applications.in_scope(
        session, principal=principal, status=status, area_path=path, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[ApplicationOut].model_validate(page_of(await views_applications.shown(session, principal, rows), cursor))


@router.get("/mine", summary="我的入驻申请")
async def mine(principal: SignedIn, session: ReadSession, page: Paging) -> Page[ApplicationOut]:
    found = await queries_applications.own(session, principal=principal, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[ApplicationOut].model_validate(page_of(await views_applications.shown(session, principal, rows), cursor))


@router.get("/{application_id}", summary="入驻申请详情")
async def application(application_id: ApplicationId, principal: SignedIn, session: ReadSession) -> ApplicationOut:
    row = await queries_applications.access(session, principal=principal, application_id=application_id)
    return await views_applications.one(session, principal, row)


@router.patch("/{application_id}", summary="修改入驻申请；被退回的视为重新提交")
async def revise(
    application_id: ApplicationId, body: ApplicationPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> ApplicationOut:
    row = await applying.revise(
        session, principal=principal, application_id=application_id, seen=if_match, area_id=body.area_id, location=body.location,
        upload_ids=body.upload_ids, fields=body.model_dump(exclude_unset=True, exclude=APART),
    )
    return await views_applications.one(session, principal, row)


@router.post("/{application_id}/withdraw", summary="撤回入驻申请")
async def withdraw(application_id: ApplicationId, principal: SignedIn, session: Session, if_match: IfMatch) -> ApplicationOut:
    row = await applying.withdraw(session, principal=principal, application_id=application_id, seen=if_match)
    return await views_applications.one(session, principal, row)


@router.post("/{application_id}/return", summary="退回补充")
async def send_back(
    application_id: ApplicationId, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> ApplicationOut:
    row = await applying.send_back(
        session, principal=principal, application_id=application_id, seen=if_match, reason=body.reason
    )
    return await views_applications.one(session, principal, row)


@router.post("/{application_id}/reject", summary="不予通过")
async def reject(
    application_id: ApplicationId, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> ApplicationOut:
    row = await applying.reject(session, principal=principal, application_id=application_id, seen=if_match, reason=body.reason)
    return await views_applications.one(session, principal, row)


@router.post("/{application_id}/approve", summary="通过：建立商家，申请人成为店主")
@policy(key="required")
async def approve(
    application_id: ApplicationId, principal: SignedIn, session: Session, if_match: IfMatch, body: ApprovalIn | None = None
) -> ApplicationOut:
    told = body or ApprovalIn()
    row = await applying.approve(
        session, principal=principal, application_id=application_id, seen=if_match, note=told.note, photo_ids=told.photo_ids
    )
    return await views_applications.one(session, principal, row)
