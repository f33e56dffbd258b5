"""`/stores/{store_id}/invitations` and `/stores/invitations/accept`: people come to work at a store by a code."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.auth.schemas import GrantOut, grant_out
from app.pagination import Page, Paging, page_of
from app.stores import queries, queries_invitations, views_invitations
from app.stores.schemas_invitations import SHOWN, StaffCodeIn, StaffInvitationIn, StaffInvitationOut
from app.stores.service import inviting

router = routing.router("/stores", tag="商家")
InvitationId = Annotated[UUID, Path(description="邀请编号", examples=[SHOWN["id"]])]


@router.post("/invitations/accept", status_code=201, summary="接受邀请，成为本店人员")
@policy(phone=True)
async def accept(body: StaffCodeIn, principal: SignedIn, session: Session) -> GrantOut:
    grant, name = await inviting.accept(session, principal=principal, code=body.code, scene=body.scene)
    return grant_out(grant, name)


@router.post("/{store_id}/invitations", status_code=201, summary="邀请店员（或店主）：邀请码与二维码")
async def invite(store_id: UUID, body: StaffInvitationIn, principal: SignedIn, session: Session) -> StaffInvitationOut:
    made = await inviting.invite(
        session, principal=principal, store_id=store_id, role=body.role, hours=body.expires_in_hours, max_uses=body.max_uses
    )
    return views_invitations.one(session, principal, made)


@router.get("/{store_id}/invitations", summary="本店的邀请")
async def invitations(store_id: UUID, principal: SignedIn, session: ReadSession, page: Paging) -> Page[StaffInvitationOut]:
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    found = await queries_invitations.invitations(session, store_id=store.id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.invitation.id)
    return Page[StaffInvitationOut].model_validate(page_of(views_invitations.shown(session, principal, rows), cursor))


@router.delete("/{store_id}/invitations/{invitation_id}", status_code=204, summary="撤销邀请，立即失效")
async def revoke(store_id: UUID, invitation_id: InvitationId, principal: SignedIn, session: Session) -> Response:
    await inviting.revoke(session, principal=principal, store_id=store_id, invitation_id=invitation_id)
    return Response(status_code=204)
