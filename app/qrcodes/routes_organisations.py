"""`/organisations/{organisation_id}/invitations`: codes and links with which an organisation invites people to register."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app import clock
from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn, WeChat
from app.pagination import Page, Paging, page_of
from app.qrcodes import links, queries, service, views, workflow
from app.qrcodes.schemas import INVITATION, ORGANISATION, InvitationIn, InvitationOut

router = routing.router("/organisations/{organisation_id}/invitations", tag="二维码")
OrganisationId = Annotated[UUID, Path(description="党组织编号", examples=[ORGANISATION["id"]])]
InvitationId = Annotated[UUID, Path(description="邀请编号", examples=[INVITATION["id"]])]


@router.post("", status_code=201, summary="生成登记邀请（邀请码与链接）")
async def invite(
    organisation_id: OrganisationId, body: InvitationIn, principal: SignedIn, reader: ReadSession, session: Session, wechat: WeChat
) -> InvitationOut:
    await service.require_inviter(reader, principal=principal, organisation_id=organisation_id)
    await reader.close()  # no connection waits while WeChat answers
    scene = workflow.new_typed_scene()
    link = await links.asked(wechat, scene=scene, expires_at=body.expiry(clock.now()))
    code = await service.invite(
        session, principal=principal, organisation_id=organisation_id, told=body, scene=scene, link=link
    )
    return await views.invitation(session, principal, code)


@router.get("", summary="组织的登记邀请")
async def invitations(organisation_id: OrganisationId, principal: SignedIn, session: ReadSession, page: Paging) -> Page[InvitationOut]:
    found = await queries.invitations(
        session, principal=principal, organisation_id=organisation_id, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[InvitationOut].model_validate(page_of(await views.invitations(session, principal, rows), cursor))


@router.post("/{invitation_id}/revoke", summary="撤销登记邀请")
async def revoke(
    organisation_id: OrganisationId, invitation_id: InvitationId, principal: SignedIn, session: Session, if_match: IfMatch
) -> InvitationOut:
    code = await service.revoke_invitation(
        session, principal=principal, organisation_id=organisation_id, invitation_id=invitation_id, seen=if_match
    )
    return await views.invitation(session, principal, code)
