"""`/reports/overdue` and the clock of one report."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.pagination import Page, Paging
from app.reports import queries_clocks, views_clocks
from app.reports.answers_clocks import ClockOut, OverdueItem
from app.reports.words import Stage

router = routing.router("/reports", tag="上报")
ByStage = Annotated[Stage | None, Query(description="环节；不填为全部", examples=["handle"])]


@router.get("/overdue", summary="已超时限的上报（超时最久在前）")
async def overdue(principal: SignedIn, session: ReadSession, page: Paging, stage: ByStage = None) -> Page[OverdueItem]:
    found = await queries_clocks.overdue(session, principal=principal, stage=stage, limit=page.limit, after=page.after)
    return Page[OverdueItem].model_validate(await views_clocks.overdue(session, principal, found, page))


@router.get("/{report_id}/clock", summary="各环节时限及其由来")
async def clock(report_id: UUID, principal: SignedIn, session: ReadSession) -> ClockOut:
    return ClockOut.model_validate(await views_clocks.clock(session, principal, report_id))
