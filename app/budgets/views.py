"""The budget of an area and its stores' months as answers."""

from collections import Counter
from datetime import date
from typing import Any

from app import clock
from app.areas.models import Area
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.budgets import queries, workflow
from app.budgets.queries import Sums
from app.budgets.schemas import BudgetOut, StoreMonthsOut
from app.budgets.workflow import PEG_CENTS, Flows
from app.db.session import AsyncSession
from app.pagination import PageQuery
from app.redemptions import queries_months, queries_settlements, views_settlements
from app.redemptions.models import SettlementStatus
from app.redemptions.queries_months import Month
from app.redemptions.workflow import Standing
from app.schemas import named


async def budget(session: AsyncSession, area: Area) -> BudgetOut:
    today = await queries_settlements.today(session)
    running = clock.month_start(today)
    points = await queries.points(session, path=area.path)
    by_year = {month: flows for month, flows in points.months.items() if month.year == running.year}
    return BudgetOut.model_validate({
        "area": named(area), "peg_cents": PEG_CENTS,
        "now": {
            "available": points.available, "held": points.held, "debt": points.debt, "liability": points.liability,
            "liability_cents": points.liability * PEG_CENTS,
        },
        "this_month": _flows(points.months.get(running, Flows())), "this_year": _flows(_total(by_year)),
        "all": _flows(_total(points.months)),
        "months": [
            {"month": f"{month:%Y-%m}", **_flows(points.months.get(month, Flows()))} for month in workflow.last_months(running)
        ],
        "stores": await _stores(session, area.path, running), "orders": await queries.orders(session, path=area.path),
        "forecast": await _forecast(session, area.path, today, workflow.rate(points.months, running)),
    })


async def store_months(
    session: AsyncSession, principal: Principal, area: Area, *, month: date, status: SettlementStatus | None, page: PageQuery
) -> StoreMonthsOut:
    """An area has some thousand stores at the most: all of them are read for the totals, a page of them is shown."""
    found = await queries_months.of_area(session, path=area.path, month=month)
    today = await queries_settlements.today(session)
    stores, cents = Counter(one.status for one in found), Counter[SettlementStatus]()
    for one in found:
        cents[one.status] += one.total_cents
    shown = [one for one in found if status in (None, one.status) and (page.after is None or one.store_id < page.after)]
    rows, cursor = page.cut(shown[: page.limit + 1], lambda one: one.store_id)
    return StoreMonthsOut.model_validate({
        "month": f"{month:%Y-%m}", "items": [_store_month(principal, area, one, today) for one in rows], "next_cursor": cursor,
        "totals": [
            {"status": one, "stores": stores[one], "cents": cents[one]} for one in SettlementStatus if stores[one]
        ],
    })


def _store_month(principal: Principal, area: Area, one: Month, today: date) -> dict[str, Any]:
    own = principal.holds(ScopeType.STORE, one.store_id, Role.STORE_OWNER)
    standing = Standing(owner=own, administrator=principal.covers(area.path, Role.AREA_ADMIN))
    commands = views_settlements.allowed(one.settlement, standing, month=one.month, today=today)
    return views_settlements.brief(one, commands) | {"store": {"id": one.store_id, "name": one.store_name}}


def _total(months: dict[date, Flows]) -> Flows:
    return sum(months.values(), Flows())


def _flows(flows: Flows) -> dict[str, int]:
    return {
        "earned": flows.earned, "adjusted": flows.adjusted, "taken_back": flows.taken_back, "issued": flows.issued,
        "captured": flows.captured, "expired": flows.expired, "issued_cents": flows.issued * PEG_CENTS,
        "captured_cents": flows.captured * PEG_CENTS,
    }


async def _stores(session: AsyncSession, path: str, running: date) -> dict[str, Any]:
    sums = await queries.settled(session, path=path)
    sums[SettlementStatus.OPEN] = await queries.unsettled(session, path=path, running=running)
    corrections, pending = await queries.corrections(session, path=path)
    cents = {status: sums.get(status, Sums(0, 0)).cents for status in SettlementStatus}
    settled = sum(cents.values()) - cents[SettlementStatus.OPEN]
    return {status.value: {"months": sums.get(status, Sums(0, 0)).months, "cents": cents[status]} for status in SettlementStatus} | {
        "corrections_cents": corrections, "corrections_pending": pending,
        "owed_cents": sum(cents.values()) - cents[SettlementStatus.PAID] + corrections, "settled_cents": settled,
        "overdue_cents": sums.get(SettlementStatus.CONFIRMED, Sums(0, 0)).overdue,
    }


async def _forecast(session: AsyncSession, path: str, today: date, monthly: float) -> dict[str, Any]:
    lots, counted_at = await queries.lapses(session, path=path)
    return {
        "counted_at": counted_at, "spent_per_month": round(monthly),
        "lapses": [
            {"on": one.on, "points": one.points, "expected": one.expected}
            for one in workflow.forecast(lots, today=today, monthly=monthly)
        ],
    }
