"""`/points/…`: one's own points, changes by hand."""

from typing import Any
from uuid import UUID

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.points import proposals, queries, queries_lines, queries_proposals, views, views_entries
from app.points.models import ProposalStatus
from app.points.schemas import (
    AdjustmentIn,
    ClawbackIn,
    EntryOut,
    ProposalOut,
    StandingOut,
)

router = routing.router("/points", tag="积分")


@router.get("/me", summary="我的积分")
async def standing(principal: SignedIn, session: ReadSession) -> StandingOut:
    return StandingOut.model_validate(await queries.standing(session, member_id=principal.account_id))


@router.get("/me/entries", summary="我的积分明细", response_model=Page[EntryOut])
async def entries(principal: SignedIn, session: ReadSession, paging: Paging) -> Any:
    rows = await queries_lines.lines(session, member_id=principal.account_id, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda line: line.id)
    touched = await queries_lines.touched(session, line_ids=[line.id for line in page])
    return page_of([views_entries.entry(line, touched[line.id]) for line in page], cursor)


@router.post("/adjustments", status_code=201, summary="申请调整积分")
@policy(key="required")
async def propose_adjustment(body: AdjustmentIn, principal: SignedIn, session: Session) -> ProposalOut:
    made = await proposals.propose_adjustment(session, principal=principal, **body.model_dump())
    return ProposalOut.model_validate(views.proposal(made, principal))


@router.get("/adjustments", summary="积分调整申请列表", response_model=Page[ProposalOut])
async def adjustments(principal: SignedIn, session: ReadSession, paging: Paging, status: ProposalStatus | None = None) -> Any:
    return await _proposals(principal, session, paging, proposals.ADJUSTMENT, status)


@router.post("/adjustments/{proposal_id}/approve", summary="批准调整")
async def approve_adjustment(proposal_id: UUID, principal: SignedIn, session: Session) -> ProposalOut:
    decided = await proposals.approve(session, principal=principal, proposal_id=proposal_id, type=proposals.ADJUSTMENT)
    return ProposalOut.model_validate(views.proposal(decided, principal))


@router.post("/adjustments/{proposal_id}/reject", summary="驳回调整")
async def reject_adjustment(proposal_id: UUID, principal: SignedIn, session: Session) -> ProposalOut:
    decided = await proposals.reject(session, principal=principal, proposal_id=proposal_id, type=proposals.ADJUSTMENT)
    return ProposalOut.model_validate(views.proposal(decided, principal))


@router.post("/clawbacks", status_code=201, summary="申请收回一笔积分")
async def propose_clawback(body: ClawbackIn, principal: SignedIn, session: Session) -> ProposalOut:
    made = await proposals.propose_clawback(session, principal=principal, **body.model_dump())
    return ProposalOut.model_validate(views.proposal(made, principal))


@router.get("/clawbacks", summary="收回积分申请列表", response_model=Page[ProposalOut])
async def clawbacks(principal: SignedIn, session: ReadSession, paging: Paging, status: ProposalStatus | None = None) -> Any:
    return await _proposals(principal, session, paging, proposals.CLAWBACK, status)


@router.post("/clawbacks/{proposal_id}/approve", summary="批准收回")
async def approve_clawback(proposal_id: UUID, principal: SignedIn, session: Session) -> ProposalOut:
    decided = await proposals.approve(session, principal=principal, proposal_id=proposal_id, type=proposals.CLAWBACK)
    return ProposalOut.model_validate(views.proposal(decided, principal))


@router.post("/clawbacks/{proposal_id}/reject", summary="驳回收回")
async def reject_clawback(proposal_id: UUID, principal: SignedIn, session: Session) -> ProposalOut:
    decided = await proposals.reject(session, principal=principal, proposal_id=proposal_id, type=proposals.CLAWBACK)
    return ProposalOut.model_validate(views.proposal(decided, principal))


async def _proposals(principal: SignedIn, session: ReadSession, paging: Paging, type: str, status: ProposalStatus | None) -> Any:
    rows = await queries_proposals.proposals(session, principal=principal, type=type, status=status, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    return page_of([views.proposal(row[0], principal) for row in page], cursor)
