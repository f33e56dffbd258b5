"""`/auth`: sign-in, refresh, sessions, second factors, step-up, grants."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Response
from starlette.requests import Request

from app.auth import queries, routing, schemas, service
from app.auth.policy import policy
from app.auth.roles import ScopeType
from app.auth.routing import AppSettings, ReadSession, Session, SignedIn, WeChat
from app.auth.schemas import (
    Confirmation,
    ConfirmedOut,
    EnrolmentOut,
    GrantIn,
    GrantOut,
    PasswordSignIn,
    Refresh,
    SessionOut,
    StepUp,
    StepUpOut,
    TokensOut,
    WeChatSignIn,
)
from app.db.acting import Reason
from app.pagination import Page, Paging, page_of
from app.security import tokens

router = routing.router("/auth", tag="登录与授权")


async def _device(request: Request) -> str | None:
    """What the client calls itself, without what would spoil a list."""
    said = "".join(char for char in request.headers.get("user-agent", "") if char.isprintable()).strip()
    return said or None


Device = Annotated[str | None, Depends(_device)]
ThingId = Annotated[UUID, Path(examples=[schemas.SAMPLE_ID])]


@router.post("/wechat", summary="微信登录")
@policy(public=True, key="ignored", service=Reason.SIGN_IN)
async def sign_in_by_wechat(body: WeChatSignIn, wechat: WeChat, session: Session, settings: AppSettings, device: Device) -> TokensOut:
    person = await wechat.code_to_session(body.code)
    issuer = tokens.issuer(settings.env)
    return schemas.tokens_out(await service.sign_in_by_wechat(session, openid=person.openid, issuer=issuer, device=device))


@router.post("/password", summary="管理端密码登录")
@policy(public=True, key="ignored", service=Reason.SIGN_IN)
async def sign_in_by_password(
    body: PasswordSignIn, reader: ReadSession, session: Session, settings: AppSettings, device: Device
) -> TokensOut:
    attempt = await service.weigh(reader, username=body.username, password=body.password, device=device)
    made = await service.sign_in_by_password(
        session, attempt=attempt, otp=body.otp, issuer=tokens.issuer(settings.env), device=device, factor_wanted=settings.production
    )
    return schemas.tokens_out(made)


@router.post("/refresh", summary="刷新登录凭证")
@policy(public=True, key="ignored", service=Reason.SIGN_IN)
async def refresh(body: Refresh, session: Session, settings: AppSettings) -> TokensOut:
    return schemas.tokens_out(await service.refresh(session, token=body.refresh_token, issuer=tokens.issuer(settings.env)))


@router.post("/logout", status_code=204, summary="退出登录")
@policy(consents=(), while_cancelling=True, while_otp_pending=True)
async def log_out(principal: SignedIn, session: Session) -> Response:
    await service.log_out(session, principal=principal)
    return Response(status_code=204)


@router.post("/otp", status_code=201, summary="申请绑定动态验证码")
@policy(consents=(), while_otp_pending=True)
async def enrol_factor(principal: SignedIn, session: Session) -> EnrolmentOut:
    return schemas.enrolment_out(await service.enrol_factor(session, principal=principal))


@router.post("/otp/confirm", summary="确认绑定动态验证码")
@policy(consents=(), while_otp_pending=True)
async def confirm_factor(body: Confirmation, principal: SignedIn, session: Session) -> ConfirmedOut:
    await service.confirm_factor(session, principal=principal, otp=body.otp)
    return ConfirmedOut(confirmed=True)


@router.post("/step-up", summary="再次验证身份")
@policy(consents=(), while_cancelling=True)
async def step_up(
    body: StepUp, principal: SignedIn, wechat: WeChat, reader: ReadSession, session: Session, device: Device
) -> StepUpOut:
    if body.code is not None:
        person = await wechat.code_to_session(body.code)
        until = await service.step_up_by_wechat(session, principal=principal, openid=person.openid)
    else:
        attempt = await service.weigh_own(reader, principal=principal, password=body.password or "", device=device)
        until = await service.step_up_by_password(session, principal=principal, attempt=attempt, otp=body.otp)
    return StepUpOut(stepped_up_until=until)


@router.get("/sessions", summary="我的登录设备")
async def list_sessions(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[SessionOut]:
    rows = await queries.sessions(session, account_id=principal.account_id, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, key=lambda row: row.id)
    return Page[SessionOut](**page_of([schemas.session_out(row, principal) for row in page], cursor))


@router.delete("/sessions/{session_id}", status_code=204, summary="下线一台登录设备")
@policy(while_cancelling=True)
async def end_session(session_id: ThingId, principal: SignedIn, session: Session) -> Response:
    await service.end_session(session, principal=principal, session_id=session_id)
    return Response(status_code=204)


@router.post("/grants", status_code=201, summary="授予角色")
async def grant(body: GrantIn, principal: SignedIn, session: Session) -> GrantOut:
    asked: dict[str, Any] = dict(body)
    made = await service.grant(session, principal=principal, **asked)
    place = await queries.scope(session, scope_type=body.scope_type, scope_id=body.scope_id)
    return schemas.grant_out(made, place.name if place else None)


@router.get("/grants", summary="我授予或可管理的角色")
async def list_grants(
    principal: SignedIn, session: ReadSession, paging: Paging,
    scope_type: Annotated[ScopeType | None, Query(examples=["area"])] = None,
    scope_id: Annotated[UUID | None, Query(examples=[schemas.SAMPLE_ID])] = None,
) -> Page[GrantOut]:
    rows = await queries.grants_within(
        session, principal, scope_type=scope_type, scope_id=scope_id, limit=paging.limit, after=paging.after
    )
    page, cursor = paging.cut(rows, key=lambda row: row[0].id)
    return Page[GrantOut](**page_of([schemas.grant_out(row, name) for row, name in page], cursor))


@router.delete("/grants/{grant_id}", status_code=204, summary="撤销角色")
async def revoke(grant_id: ThingId, principal: SignedIn, session: Session) -> Response:
    await service.revoke(session, principal=principal, grant_id=grant_id)
    return Response(status_code=204)
