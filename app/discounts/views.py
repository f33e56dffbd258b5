"""Rows of discounts and visits as answers."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.discounts import queries, workflow
from app.discounts.models import Discount
from app.discounts.schemas import DiscountOut, VisitOut, VisitTotalsOut
from app.discounts.service import Received
from app.members import queries as members_queries
from app.stores import queries as stores_queries
from app.stores.models import Store


async def one(session: AsyncSession, principal: Principal, discount: Discount) -> DiscountOut:
    store = await stores_queries.get(session, discount.store_id)
    return shown(principal, store, [discount], clock.local_day(await queries.now(session)))[0]


def shown(principal: Principal, store: Store, rows: Sequence[Discount], day: date) -> list[DiscountOut]:
    allowed = ["update"] if workflow.manages(principal, store) else []
    return [
        DiscountOut.model_validate(
            row.model_dump(exclude={"created_at"}) | {"running": workflow.runs(row, day), "allowed": allowed}
        )
        for row in rows
    ]


async def visit(session: AsyncSession, done: Received) -> VisitOut:
    return VisitOut.model_validate(
        {
            "member": await members_queries.alias_for_clerk(session, member_id=done.bearer.id), "level": done.bearer.level,
            "discounts": [
                {
                    "id": row.id, "title": row.title, "terms": row.terms, "used_today": done.used_today[row.id],
                    "eligible": workflow.may_be_given(row, done.bearer, used_today=done.used_today[row.id]),
                }
                for row in done.discounts
            ],
            "confirm_token": done.confirm_token, "visit": done.visit,
        }
    )


def totals(rows: Sequence[Any]) -> VisitTotalsOut:
    """`rows` as `queries.totals` gives them."""
    return VisitTotalsOut.model_validate(
        {
            "items": [
                {"day": day, "discount": {"id": discount_id, "title": title}, "visits": visits} for day, discount_id, title, visits in rows
            ],
            "next_cursor": None, "total": sum(row[3] for row in rows),
        }
    )
