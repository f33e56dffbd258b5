"""`/stores/{id}/verifications` and `/stores/{id}/settlements/{month}`: what a store did, and what it is paid for."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.export.tables import MEDIA_TYPES, Format
from app.pagination import Page, Paging, page_of
from app.redemptions import queries, queries_settlements, settling, views, views_settlements
from app.redemptions.schemas import VerificationOut
from app.redemptions.schemas_settlements import MONTH, AnswerIn, DisputeIn, PayIn, SettlementOut
from app.schemas import Day
from app.stores import queries as stores_queries

router = routing.router("/stores", tag="商家结算")
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in MEDIA_TYPES.values()}}}
SETTLEMENT = "/{store_id}/settlements/{month}"


MonthText = Annotated[str, Path(pattern=MONTH, description="月份", examples=["2026-11"])]
From = Annotated[Day | None, Query(alias="from", description="开始日期（含）", examples=["2026-11-01"])]
To = Annotated[Day | None, Query(description="结束日期（含）", examples=["2026-11-30"])]
Key = Annotated[str | None, Query(pattern=r"^[\x21-\x7e]{1,128}$", description="丢失应答的核销请求的 Idempotency-Key 或 X-Request-ID")]


def month_of(text: str) -> date:
    return date(int(text[:4]), int(text[5:]), 1)


@router.get("/{store_id}/verifications", summary="本店核销记录")
async def verifications(
    store_id: UUID, principal: SignedIn, session: ReadSession, page: Paging, first: From = None, to: To = None, key: Key = None
) -> Page[VerificationOut]:
    queries.require_span(first, to)
    store = await stores_queries.access_worked(session, principal=principal, store_id=store_id)
    found = await queries.verifications(
        session, store_id=store_id, first=first, last=to, key=key, limit=page.limit, after=page.after
    )
    rows, cursor = page.cut(found, lambda row: row[0].id)
    return Page[VerificationOut].model_validate(page_of(await views.verifications(session, principal, store, rows), cursor))


@router.get(SETTLEMENT, summary="月度结算单", response_model=SettlementOut, responses=FILES)
async def settlement(
    store_id: UUID, month: MonthText, principal: SignedIn, session: AuditedSession, format: Format = Format.JSON
) -> Any:
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    shown = await views_settlements.settlement(session, principal, store, month_of(month))
    if format is Format.JSON:
        return shown
    terms = shown.contract
    payee = await queries_settlements.payee(session, principal, store=store, contract_id=terms.contract_id if terms else None)
    settling.record_download(session, store=store, month=month_of(month), format=format, whole_account=payee is not None)
    return await to_thread.run_sync(views_settlements.settlement_file, shown, format, payee)


@router.post(SETTLEMENT + "/close", summary="关账（区域管理员）")
async def close(store_id: UUID, month: MonthText, principal: SignedIn, session: Session) -> SettlementOut:
    await settling.close(session, principal=principal, store_id=store_id, month=month_of(month))
    return await _shown(session, principal, store_id, month)


@router.post(SETTLEMENT + "/confirm", summary="确认结算单（店主）")
async def confirm(store_id: UUID, month: MonthText, principal: SignedIn, session: Session, if_match: IfMatch) -> SettlementOut:
    await settling.confirm(session, principal=principal, store_id=store_id, month=month_of(month), seen=if_match)
    return await _shown(session, principal, store_id, month)


@router.post(SETTLEMENT + "/dispute", summary="对结算单提出异议（店主）")
async def dispute(
    store_id: UUID, month: MonthText, body: DisputeIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> SettlementOut:
    await settling.dispute(
        session, principal=principal, store_id=store_id, month=month_of(month), seen=if_match, lines=body.lines, reason=body.reason
    )
    return await _shown(session, principal, store_id, month)


@router.post(SETTLEMENT + "/answer", summary="答复异议（区域管理员）")
async def answer(
    store_id: UUID, month: MonthText, body: AnswerIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> SettlementOut:
    await settling.answer(session, principal=principal, store_id=store_id, month=month_of(month), seen=if_match, note=body.note)
    return await _shown(session, principal, store_id, month)


@router.post(SETTLEMENT + "/pay", summary="登记已付款（区域管理员）")
async def pay(store_id: UUID, month: MonthText, body: PayIn, principal: SignedIn, session: Session, if_match: IfMatch) -> SettlementOut:
    await settling.pay(session, principal=principal, store_id=store_id, month=month_of(month), seen=if_match, reference=body.reference)
    return await _shown(session, principal, store_id, month)


async def _shown(session: Session, principal: SignedIn, store_id: UUID, month: str) -> SettlementOut:
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    return await views_settlements.settlement(session, principal, store, month_of(month))
