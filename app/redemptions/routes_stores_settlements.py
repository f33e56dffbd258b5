"""`/stores/{id}/settlements` as a list, and the corrections of a month."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page, page_of
from app.redemptions import queries_corrections, queries_months, settling, views_settlements
from app.redemptions.routes_stores import SETTLEMENT, MonthText, month_of
from app.redemptions.schemas_settlements import MONTH, CorrectionIn, CorrectionOut, MonthOut
from app.stores import queries as stores_queries

router = routing.router("/stores", tag="商家结算")
CORRECTIONS = SETTLEMENT + "/corrections"
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Before = Annotated[str | None, Query(alias="cursor", pattern=MONTH, description="上一页给出的 next_cursor")]


@router.get("/{store_id}/settlements", summary="历月结算单")
async def settlements(
    store_id: UUID, principal: SignedIn, session: ReadSession, limit: Limit = DEFAULT_LIMIT, before: Before = None
) -> Page[MonthOut]:
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    found, today = await queries_months.of_store(session, store, limit=limit, before=month_of(before) if before else None)
    shown = views_settlements.months(principal, store, found[:limit], today)
    return Page[MonthOut].model_validate(page_of(shown, shown[-1].month if len(found) > limit else None))


@router.post(CORRECTIONS, status_code=201, summary="登记更正（区域管理员，未关账月份）")
async def propose(store_id: UUID, month: MonthText, body: CorrectionIn, principal: SignedIn, session: Session) -> CorrectionOut:
    correction = await settling.propose_correction(
        session, principal=principal, store_id=store_id, month=month_of(month), cents=body.cents, reason=body.reason,
        verification_id=body.verification_id, of_month=month_of(body.of_month) if body.of_month else None,
    )
    store = await stores_queries.get(session, store_id)
    return views_settlements.correction(principal, store, correction, body.reason)


@router.post(CORRECTIONS + "/{correction_id}/approve", summary="同意更正（另一位区域管理员）")
async def approve(
    store_id: UUID, month: MonthText, correction_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch
) -> CorrectionOut:
    correction = await settling.approve_correction(
        session, principal=principal, store_id=store_id, month=month_of(month), correction_id=correction_id, seen=if_match
    )
    store, reason = await stores_queries.get(session, store_id), await queries_corrections.reason(session, correction)
    return views_settlements.correction(principal, store, correction, reason)


@router.post(CORRECTIONS + "/{correction_id}/reject", summary="驳回更正（另一位区域管理员）")
async def reject(
    store_id: UUID, month: MonthText, correction_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch
) -> CorrectionOut:
    correction = await settling.reject_correction(
        session, principal=principal, store_id=store_id, month=month_of(month), correction_id=correction_id, seen=if_match
    )
    store, reason = await stores_queries.get(session, store_id), await queries_corrections.reason(session, correction)
    return views_settlements.correction(principal, store, correction, reason)
