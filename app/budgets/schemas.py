"""Answers of the budget view."""

from datetime import date
from typing import Any

from app.redemptions.models import SettlementStatus
from app.redemptions.schemas_settlements import MONTH_EXAMPLE, MonthOut
from app.schemas import Instant, Named, Out

AREA: Any = {"id": "01933c5e-7a00-7000-8000-000000000002", "name": "兖州区"}
FLOWS: dict[str, Any] = {
    "earned": 1200, "adjusted": 0, "taken_back": 10, "issued": 1190, "captured": 600, "expired": 40, "issued_cents": 11900,
    "captured_cents": 6000,
}
SUMS: dict[str, Any] = {"months": 3, "cents": 4500}


class FlowsOut(Out):
    """Points that moved, and what they are worth at the peg. issued = earned + adjusted − taken_back."""

    earned: int
    adjusted: int
    taken_back: int
    issued: int
    captured: int
    expired: int
    issued_cents: int
    captured_cents: int


class MonthFlowsOut(FlowsOut):
    month: str


class StandingOut(Out):
    """What members have now. liability = available + held − debt = issued − captured − expired of all time."""

    available: int
    held: int
    debt: int
    liability: int
    liability_cents: int


class SumsOut(Out):
    """Months of stores, and what they come to."""

    months: int
    cents: int


class StoresOut(Out):
    """What stores are paid. owed = open + closed + disputed + confirmed + corrections; settled = closed + disputed + confirmed + paid."""

    open: SumsOut
    closed: SumsOut
    disputed: SumsOut
    confirmed: SumsOut
    paid: SumsOut
    corrections_cents: int
    corrections_pending: int
    owed_cents: int
    settled_cents: int
    overdue_cents: int


class WeekOut(Out):
    """Orders that can still be used, by the week (its Monday) of their last day."""

    week: date
    orders: int
    points: int
    cents: int


class LapseOut(Out):
    """`expected`: what will be left by then if members go on spending as they did in the last twelve months."""

    on: date
    points: int
    expected: int


class ForecastOut(Out):
    """`counted_at`: when the lots were counted, once an hour."""

    counted_at: Instant | None
    spent_per_month: int
    lapses: list[LapseOut]


class BudgetOut(Out):
    """Points by where members work, cents by where stores lie."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "area": AREA, "peg_cents": 10,
                    "now": {"available": 500, "held": 50, "debt": 0, "liability": 550, "liability_cents": 5500},
                    "this_month": FLOWS, "this_year": FLOWS, "all": FLOWS, "months": [{"month": "2026-11", **FLOWS}],
                    "stores": {
                        "open": SUMS, "closed": SUMS, "disputed": SUMS, "confirmed": SUMS, "paid": SUMS, "corrections_cents": -50,
                        "corrections_pending": 1, "owed_cents": 17950, "settled_cents": 18000, "overdue_cents": 0,
                    },
                    "orders": [{"week": "2026-11-23", "orders": 4, "points": 40, "cents": 400}],
                    "forecast": {
                        "counted_at": "2026-11-22T08:25:00Z", "spent_per_month": 50,
                        "lapses": [{"on": "2027-03-31", "points": 500, "expected": 290}],
                    },
                }
            ]
        }
    }

    area: Named
    peg_cents: int
    now: StandingOut
    this_month: FlowsOut
    this_year: FlowsOut
    all: FlowsOut
    months: list[MonthFlowsOut]
    stores: StoresOut
    orders: list[WeekOut]
    forecast: ForecastOut


class StoreMonthOut(MonthOut):
    """A store's month in the list of an area."""

    store: Named


class StatusSumsOut(Out):
    status: SettlementStatus
    stores: int
    cents: int


class StoreMonthsOut(Out):
    """Stores that are paid for a month, newest store first; `totals` are over all of the area's, whatever the page and the filter."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "month": "2026-10", "totals": [{"status": "closed", "stores": 1, "cents": 1800}],
                    "items": [MONTH_EXAMPLE | {"store": {"id": AREA["id"], "name": "文化路便利店"}, "allowed": []}], "next_cursor": None,
                }
            ]
        }
    }

    month: str
    totals: list[StatusSumsOut]
    items: list[StoreMonthOut]
    next_cursor: str | None


