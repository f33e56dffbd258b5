"""Telling the administrators of an area which of its stores' months have ended and wait for their closing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.messages.models import Message
from app.redemptions import queries_months, queries_settlements
from app.workdays import queries as workdays_queries

REFERENCE = "settlement_month"
NAMED = 5  # stores that the message names; the list has them all


@dataclass(frozen=True, slots=True)
class Waiting:
    """One store, and how many of its months wait."""

    store_name: str
    area_path: str
    months: int


async def due(session: AsyncSession) -> date | None:
    """The running month, once its first working day has come by the database's clock."""
    today = await queries_settlements.today(session)
    first = clock.month_start(today)
    days = await workdays_queries.days(session, first=first, last=today)
    return first if any(day.workday for day in days) else None


async def waiting(session: AsyncSession, *, running: date) -> list[Waiting]:
    """Stores with verifications of an ended month that no closing has taken, in the order of their ids."""
    rows = await queries_months.open_in_area(session, path="", first=None, last=running - timedelta(days=1))
    months = Counter(row.store_id for row in rows if not row.late)
    stores = {row.store_id: row for row in rows if not row.late}
    return [Waiting(row.store_name, row.area_path, months[store_id]) for store_id, row in stores.items()]


async def told_by_account(session: AsyncSession, rows: Sequence[Waiting]) -> dict[UUID, list[Waiting]]:
    """What each administrator is told: the stores of the own areas."""
    told: dict[UUID, list[Waiting]] = {}
    for path in sorted({row.area_path for row in rows}):
        here = [row for row in rows if row.area_path == path]
        for account_id in await auth_queries.covering(session, area_path=path, roles=[Role.AREA_ADMIN]):
            told.setdefault(account_id, []).extend(here)
    return told


async def remind(session: AsyncSession, *, account_id: UUID, rows: Sequence[Waiting], running: date) -> bool:
    """Once a month each; False: has heard it."""
    reference = uuid5(NAMESPACE_URL, f"{REFERENCE}/{running:%Y-%m}")
    heard: Any = await session.exec(
        sa.select(sa.literal(1)).where(
            col(Message.member_id) == account_id, col(Message.reference_type) == REFERENCE, col(Message.reference_id) == reference
        )
    )
    if heard.first() is not None:
        return False
    names = "、".join(row.store_name for row in rows[:NAMED]) + ("等" if len(rows) > NAMED else "")
    last, months = running - timedelta(days=1), sum(row.months for row in rows)
    body = f"{last:%Y-%m} 已结束，{len(rows)} 家商家共 {months} 个月份待关账：{names}。"
    await messages_service.send(
        session, member_id=account_id, category="system", title="商家结算待关账", body=body,
        path=f"pages/settlements/area?month={last:%Y-%m}", reference=(REFERENCE, reference, None),
    )
    return True
