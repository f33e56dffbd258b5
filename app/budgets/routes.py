"""`/budgets`: what the points of an area cost, and which of its stores' months wait for whom."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.auth import routing
from app.auth.routing import FiguresSession, ReadSession, SignedIn
from app.budgets import queries, views
from app.budgets.schemas import BudgetOut, StoreMonthsOut
from app.pagination import Paging
from app.redemptions.models import SettlementStatus
from app.redemptions.schemas_settlements import MONTH

router = routing.router("/budgets", tag="预算")
AreaId = Annotated[UUID, Query(description="区域", examples=["01933c5e-7a00-7000-8000-000000000002"])]
MonthQuery = Annotated[str, Query(pattern=MONTH, description="月份", examples=["2026-10"])]
StatusQuery = Annotated[SettlementStatus | None, Query(description="只看这一状态")]


@router.get("", summary="积分预算：发放、占用、兑付、将到期")
async def budget(principal: SignedIn, session: FiguresSession, area_id: AreaId) -> BudgetOut:
    area = await queries.access_area(session, principal=principal, area_id=area_id)
    return await views.budget(session, area)


@router.get("/settlements", summary="本区域各商家某月结算")
async def settlements(
    principal: SignedIn, session: ReadSession, area_id: AreaId, month: MonthQuery, page: Paging, status: StatusQuery = None
) -> StoreMonthsOut:
    area = await queries.access_area(session, principal=principal, area_id=area_id)
    first = date.fromisoformat(f"{month}-01")
    return await views.store_months(session, principal, area, month=first, status=status, page=page)
