"""`/announcements`: notices and policies, for those whom they are for and for who publishes them."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.announcements import queries, service, views
from app.announcements.models import Kind, Status
from app.announcements.schemas import APART, AnnouncementBrief, AnnouncementIn, AnnouncementOut, AnnouncementPatch, PublishIn
from app.auth import routing
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of

router = routing.router("/announcements", tag="通知公告")
AnnouncementId = Annotated[UUID, Path(description="编号", examples=["01933c5e-7a00-7000-8000-000000000002"])]
OfKind = Annotated[Kind | None, Query(description="只看通知或政策", examples=["policy"])]
Pinned = Annotated[bool, Query(description="只看置顶的", examples=[True])]
StatusIs = Annotated[Status | None, Query(description="状态", examples=["published"])]
OfArea = Annotated[UUID | None, Query(description="只看该区域及下级", examples=["01933c5e-7a00-7000-8000-000000000001"])]


@router.get("", summary="发给我的通知和政策，新的在前")
async def announcements(
    principal: SignedIn, session: ReadSession, page: Paging, kind: OfKind = None, pinned: Pinned = False
) -> Page[AnnouncementBrief]:
    found = await queries.for_me(session, principal=principal, kind=kind, pinned=pinned, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.place or row.id)
    return Page[AnnouncementBrief].model_validate(page_of(await views.listed(session, principal, rows), cursor))


@router.post("", status_code=201, summary="起草通知或政策（区域管理员、党组织书记）")
async def create(body: AnnouncementIn, principal: SignedIn, session: Session) -> AnnouncementOut:
    row = await service.create(
        session, principal=principal, area_id=body.area_id, organisation_ids=body.organisation_ids, upload_ids=body.upload_ids,
        fields=body.model_dump(exclude=APART),
    )
    return await views.one(session, principal, row)


@router.get("/managed", summary="我管理的通知和政策，含草稿和定时发布的")
async def managed(
    principal: SignedIn, session: ReadSession, page: Paging, status: StatusIs = None, area_id: OfArea = None
) -> Page[AnnouncementOut]:
    found = await queries.managed(
        session, principal=principal, status=status, area_id=area_id, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[AnnouncementOut].model_validate(page_of(await views.shown(session, principal, rows), cursor))


@router.get("/{announcement_id}", summary="通知或政策详情；收件人打开即为已读")
async def announcement(announcement_id: AnnouncementId, principal: SignedIn, session: AuditedSession) -> AnnouncementOut:
    row = await service.read(session, principal=principal, announcement_id=announcement_id)
    return await views.one(session, principal, row)


@router.patch("/{announcement_id}", summary="修改；发布后只能调整置顶")
async def update(
    announcement_id: AnnouncementId, body: AnnouncementPatch, principal: SignedIn, session: Session, if_match: IfMatch
) -> AnnouncementOut:
    row = await service.update(
        session, principal=principal, announcement_id=announcement_id, seen=if_match, area_id=body.area_id,
        organisation_ids=body.organisation_ids, upload_ids=body.upload_ids, fields=body.model_dump(exclude_unset=True, exclude=APART),
    )
    return await views.one(session, principal, row)


@router.post("/{announcement_id}/publish", summary="发布，或定时发布")
async def publish(
    announcement_id: AnnouncementId, body: PublishIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> AnnouncementOut:
    row = await service.publish(
        session, principal=principal, announcement_id=announcement_id, seen=if_match, at=body.publish_at
    )
    return await views.one(session, principal, row)


@router.post("/{announcement_id}/withdraw", summary="撤回，不再展示，未通知的不再通知")
async def withdraw(announcement_id: AnnouncementId, principal: SignedIn, session: Session, if_match: IfMatch) -> AnnouncementOut:
    row = await service.withdraw(session, principal=principal, announcement_id=announcement_id, seen=if_match)
    return await views.one(session, principal, row)
