"""`/points/…`: what was judged about oneself, confirmations by a second reviewer, awards that people decide, stops of earning."""

from typing import Any
from uuid import UUID

from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.points import merits, queries_conditions, queries_judgements, queries_merits, queries_rules, service, views_awards
from app.points.models import ProposalStatus
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation
from app.points.schemas_awards import AwardOut, ConfirmationOut, EarningStopOut, JudgementOut, ReasonIn

router = routing.router("/points", tag="积分")


@router.get("/me/awards", summary="我的奖励判定记录", response_model=Page[JudgementOut])
async def judgements(principal: SignedIn, session: ReadSession, paging: Paging) -> Any:
    rows = await queries_judgements.judgements(session, member_id=principal.account_id, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row.id)
    titles = await queries_rules.titles(session)
    return page_of([views_awards.judgement(row, titles) for row in page], cursor)


@router.get("/confirmations", summary="待第二审核员确认的奖励", response_model=Page[ConfirmationOut])
async def confirmations(principal: SignedIn, session: ReadSession, paging: Paging, status: ConfirmationStatus | None = None) -> Any:
    rows = await queries_conditions.confirmations(
        session, principal=principal, status=status, limit=paging.limit, after=paging.after
    )
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    titles = await queries_rules.titles(session)
    return page_of([views_awards.confirmation(row, reason, titles, principal) for row, reason in page], cursor)


@router.post("/confirmations/{confirmation_id}/confirm", summary="确认奖励", response_model=ConfirmationOut)
async def confirm(confirmation_id: UUID, principal: SignedIn, session: Session) -> Any:
    row = await service.confirm(session, principal=principal, confirmation_id=confirmation_id)
    return await _confirmation(session, principal, row, None)


@router.post("/confirmations/{confirmation_id}/refuse", summary="不予确认奖励", response_model=ConfirmationOut)
async def refuse(confirmation_id: UUID, body: ReasonIn, principal: SignedIn, session: Session) -> Any:
    row = await service.refuse(session, principal=principal, confirmation_id=confirmation_id, reason=body.reason)
    return await _confirmation(session, principal, row, body.reason)


async def _confirmation(session: Session, principal: SignedIn, row: PointsConfirmation, reason: str | None) -> Any:
    return views_awards.confirmation(row, reason, await queries_rules.titles(session), principal)


@router.get("/awards", summary="人工评定的奖励列表", response_model=Page[AwardOut])
async def awards(principal: SignedIn, session: ReadSession, paging: Paging, status: ProposalStatus | None = None) -> Any:
    rows = await queries_merits.awards(session, principal=principal, status=status, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    return page_of(await merits.shown(session, principal=principal, rows=page), cursor)


@router.post("/awards/{award_id}/approve", summary="批准人工评定的奖励", response_model=AwardOut)
async def approve(award_id: UUID, principal: SignedIn, session: Session) -> Any:
    decided = await merits.approve(session, principal=principal, proposal_id=award_id)
    return await merits.shown_one(session, principal=principal, proposal=decided)


@router.post("/awards/{award_id}/reject", summary="驳回人工评定的奖励", response_model=AwardOut)
async def reject(award_id: UUID, principal: SignedIn, session: Session) -> Any:
    decided = await merits.reject(session, principal=principal, proposal_id=award_id)
    return await merits.shown_one(session, principal=principal, proposal=decided)


@router.get("/earning-stops", summary="积分暂停列表", response_model=Page[EarningStopOut])
async def earning_stops(principal: SignedIn, session: ReadSession, paging: Paging) -> Any:
    rows = await queries_conditions.stops(session, principal=principal, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    _, today = await queries_conditions.now(session)
    return page_of([views_awards.stop(*row, today=today, principal=principal) for row in page], cursor)


@router.post("/earning-stops/{stop_id}/lift", summary="提前解除积分暂停", response_model=EarningStopOut)
async def lift(stop_id: UUID, body: ReasonIn, principal: SignedIn, session: Session) -> Any:
    stop = await service.lift(session, principal=principal, stop_id=stop_id, reason=body.reason)
    (_, today), cause = await queries_conditions.now(session), await queries_conditions.cause_of(session, stop)
    return views_awards.stop(stop, *cause, body.reason, today=today, principal=principal)
