"""`/points/…`: one's own points, the rules, changes by hand, publicity lists."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.points import objections, proposals, queries, queries_statements, rules, views
from app.points.models import ProposalStatus
from app.points.queries_statements import Quarter
from app.points.schemas import (
    AdjustmentIn,
    ClawbackIn,
    EntryOut,
    ObjectionIn,
    ObjectionOut,
    ProposalOut,
    PublicityOut,
    RuleIn,
    RuleOut,
    StandingOut,
)

router = routing.router("/points", tag="积分")
Year = Annotated[int, Path(ge=2020, le=2100, examples=[2026])]
QuarterNumber = Annotated[int, Path(ge=1, le=4, examples=[3])]
RuleCode = Annotated[str, Path(max_length=32, pattern=r"^[A-Z_]+$", examples=["REPORT_ACCEPTED"])]


@router.get("/me", summary="我的积分")
async def standing(principal: SignedIn, session: ReadSession) -> StandingOut:
    return StandingOut.model_validate(await queries.standing(session, member_id=principal.account_id))


@router.get("/me/entries", summary="我的积分明细", response_model=Page[EntryOut])
async def entries(principal: SignedIn, session: ReadSession, paging: Paging) -> Any:
    rows = await queries.lines(session, member_id=principal.account_id, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda line: line.id)
    titles = await queries.titles(session)
    return page_of([views.entry(line, titles) for line in page], cursor)


@router.get("/rules", summary="积分规则", response_model=Page[RuleOut])
async def in_force(principal: SignedIn, session: ReadSession) -> Any:
    return page_of(await rules.for_caller(session, principal=principal), None)


@router.put("/rules/{code}", summary="修改积分规则（生成新版本）", response_model=RuleOut)
async def change(code: RuleCode, body: RuleIn, principal: SignedIn, session: Session) -> Any:
    return await rules.change(session, principal=principal, code=code, **body.model_dump())


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


@router.get("/publicity/{year}-q{quarter}", summary="季度公示名单", response_model=PublicityOut)
async def publicity(year: Year, quarter: QuarterNumber, principal: SignedIn, session: ReadSession) -> Any:
    shown = await objections.access_list(session, principal=principal, quarter=Quarter(year, quarter))
    listed = await queries_statements.publicity(session, quarter=shown.quarter, area_path=shown.area_path)
    until = shown.quarter.after + queries_statements.OBJECTION_DAYS - timedelta(days=1)
    return {"year": year, "quarter": quarter, "objections_until": until} | page_of(listed, None)


@router.post("/publicity/{year}-q{quarter}/objections", status_code=201, summary="对公示名单提出异议", response_model=ObjectionOut)
async def object_to(year: Year, quarter: QuarterNumber, body: ObjectionIn, principal: SignedIn, session: Session) -> Any:
    made = await objections.receive(session, principal=principal, quarter=Quarter(year, quarter), reason=body.reason)
    return {"id": made.id, "status": "received", "at": made.created_at}


async def _proposals(principal: SignedIn, session: ReadSession, paging: Paging, type: str, status: ProposalStatus | None) -> Any:
    rows = await queries.proposals(session, principal=principal, type=type, status=status, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(rows, lambda row: row[0].id)
    return page_of([views.proposal(row[0], principal) for row in page], cursor)
