"""`/stores/{id}/slips` and `/stores/{id}/days`: proof of what a store verified."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import ReadSession, Session, SignedIn
from app.redemptions import checking, queries, queries_days, views
from app.redemptions.schemas_slips import DaysOut, SlipIn, SlipOut
from app.schemas import Day
from app.stores import queries as stores_queries

router = routing.router("/stores", tag="商家结算")

From = Annotated[Day | None, Query(alias="from", description="开始日期（含）", examples=["2026-11-01"])]
To = Annotated[Day | None, Query(description="结束日期（含）", examples=["2026-11-30"])]


@router.post("/{store_id}/slips/check", summary="查验核销凭证")
async def check(store_id: UUID, body: SlipIn, principal: SignedIn, session: Session) -> SlipOut:
    store, row = await checking.check(
        session, principal=principal, store_id=store_id, number=body.number, check_code=body.check_code
    )
    return await views.slip_checked(session, principal, store, row)


@router.get("/{store_id}/days", summary="本店每日核销摘要")
async def days(store_id: UUID, principal: SignedIn, session: ReadSession, first: From = None, to: To = None) -> DaysOut:
    queries.require_span(first, to)
    start, last = queries_days.span(first, to)
    await stores_queries.access_run(session, principal=principal, store_id=store_id)
    return views.days(await queries_days.days(session, store_id=store_id, first=start, last=last))
