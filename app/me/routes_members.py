"""`/members/me` and the reveal of one value of a member."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.me import queries, reveals, service
from app.me.schemas import CancelOut, ConsentChangedOut, ExportOut, ProfileOut, ProfilePatch, RevealIn, RevealOut
from app.members import queries as members_queries
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.members.models import Purpose
from app.members.schemas import ConsentIn

router = routing.router("/members", tag="个人")
MemberId = Annotated[UUID, Path(description="会员编号", examples=["01933c5e-7a00-7000-8000-000000000001"])]
PurposePath = Annotated[Purpose, Path(description="用途", examples=["location"])]


@router.get("/me", response_model=ProfileOut, summary="我的资料")
async def profile(principal: SignedIn, session: ReadSession) -> Any:
    return await queries.profile(session, principal=principal)


@router.patch("/me", response_model=ProfileOut, summary="更正我的资料")
async def edit_profile(body: ProfilePatch, principal: SignedIn, session: Session, seen: IfMatch) -> Any:
    members_workflow.require_member(principal)
    changes = body.model_dump(exclude_unset=True)
    await members_service.edit(session, member_id=principal.account_id, changes=changes, seen=seen)
    return await queries.profile(session, principal=principal)


@router.put("/me/consents/{purpose}", response_model=ConsentChangedOut, summary="同意或撤回一项说明")
async def put_consent(purpose: PurposePath, body: ConsentIn, principal: SignedIn, session: Session) -> Any:
    said, closed = await service.consent(session, principal=principal, purpose=purpose, version=body.version, granted=body.granted)
    return members_queries.consent_out(said, current=True) | {"closed": closed}


@router.get("/me/export", response_model=ExportOut, summary="我的数据副本")
async def export(principal: SignedIn, session: AuditedSession) -> Any:
    return await service.copy(session, principal=principal)


@router.delete("/me", response_model=CancelOut, status_code=202, summary="申请注销账号")
@policy(while_cancelling=True)
async def cancel(principal: SignedIn, session: Session) -> Any:
    return await service.cancel(session, principal=principal)


@router.post("/me/restore", response_model=ProfileOut, summary="撤回注销申请")
@policy(consents=(), while_cancelling=True)
async def restore(principal: SignedIn, session: Session) -> Any:
    await service.restore(session, principal=principal)
    return await queries.profile(session, principal=principal)


@router.post("/{member_id}/reveal", response_model=RevealOut, summary="查看一项完整的个人信息")
@policy(step_up=True)
async def reveal(member_id: MemberId, body: RevealIn, principal: SignedIn, session: Session) -> Any:
    value = await reveals.reveal(session, principal=principal, member_id=member_id, **body.model_dump())
    return {"field": body.field, "value": value}
