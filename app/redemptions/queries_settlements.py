"""Every SELECT of settlements. A month that nobody has closed has no row: its lines are read from the verifications themselves."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.redemptions import queries_days
from app.redemptions.models import (
    Redemption,
    RedemptionText,
    Settlement,
    SettlementDispute,
    SettlementLine,
    SettlementStatus,
    Verification,
)
from app.redemptions.queries import CLOCK, not_undone
from app.redemptions.workflow_settlements import Line
from app.stores import queries_contracts
from app.stores import workflow as stores_workflow
from app.stores.models import Store
from app.stores.models_contracts import StoreContract
from app.stores.queries_contracts import Payee

LOCAL_DAY = sa.cast(sa.func.timezone("Asia/Shanghai", CLOCK), sa.Date)


async def today(session: AsyncSession) -> date:
    """The local day by the database's clock."""
    found = await session.exec(sa.select(LOCAL_DAY))
    day: date = found.scalar_one()
    return day


async def settlement(session: AsyncSession, *, store_id: UUID, month: date, lock: bool = False) -> Settlement | None:
    """The row of a closed month; None while it is open."""
    statement = sa.select(Settlement).where(col(Settlement.store_id) == store_id, col(Settlement.month) == month)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Settlement | None = (await session.exec(statement)).scalars().first()
    return found


async def lines(session: AsyncSession, *, store_id: UUID, month: date, settlement: Settlement | None) -> list[Line]:
    """What the store is paid for in a month, oldest first: the lines that were fixed, or those of the open month as they are now."""
    if settlement is None:
        statement = unsettled(store_id, month)
    else:
        statement = (
            _line(col(SettlementLine.cents))
            .join(SettlementLine, col(SettlementLine.verification_id) == col(Verification.id))
            .where(col(SettlementLine.settlement_id) == settlement.id)
        )
    found = await session.exec(statement.order_by(col(Verification.id)))
    return [Line(*row) for row in found.all()]


def unsettled(store_id: UUID, month: date) -> sa.Select[Any]:
    """The month's verifications that were not undone, and stragglers: those of a closed month that its closing could not see yet."""
    start, end = clock.day_start(month), clock.day_start(clock.next_month(month))
    at = col(Verification.verified_at)
    return _line(col(Redemption.settlement_cents)).where(
        col(Verification.store_id) == store_id, at < end, sa.or_(at >= start, of_closed_month()), unpaid()
    )


def of_closed_month() -> sa.ColumnElement[bool]:
    """Is the month of a verification closed? One of those that has no line yet is a straggler."""
    own_month = sa.cast(sa.func.date_trunc("month", sa.func.timezone("Asia/Shanghai", col(Verification.verified_at))), sa.Date)
    return sa.exists().where(col(Settlement.store_id) == col(Verification.store_id), col(Settlement.month) == own_month)


def unpaid() -> sa.ColumnElement[bool]:
    """A verification that stands and has no line."""
    lined = sa.exists().where(col(SettlementLine.verification_id) == col(Verification.id))
    return sa.and_(not_undone(), sa.not_(lined))


async def head(session: AsyncSession, *, store_id: UUID, month: date) -> tuple[date, str] | tuple[None, None]:
    """The last of the store's days in a month on which something happened, and its head: it chains all the days before."""
    last_day = clock.next_month(month) - timedelta(days=1)
    days = await queries_days.days(session, store_id=store_id, first=month, last=last_day)
    return (days[-1].day, days[-1].head.hex()) if days else (None, None)


async def payee(session: AsyncSession, principal: Principal, *, store: Store, contract_id: UUID | None) -> Payee | None:
    """To whom a closed month is paid, with the whole account: for administrators of the store's area; None for anybody else."""
    if contract_id is None or not stores_workflow.administers(principal, store):
        return None
    return await queries_contracts.payee(session, await session.get_one(StoreContract, contract_id))


async def disputes(session: AsyncSession, *, settlement_id: UUID) -> Sequence[Any]:
    """Every objection with its reason and its answer, oldest first."""
    answer = sa.orm.aliased(RedemptionText)
    found = await session.exec(
        sa.select(SettlementDispute, col(RedemptionText.text), col(answer.text))
        .join(RedemptionText, col(RedemptionText.id) == col(SettlementDispute.reason_id))
        .outerjoin(answer, col(answer.id) == col(SettlementDispute.answer_id))
        .where(col(SettlementDispute.settlement_id) == settlement_id)
        .order_by(col(SettlementDispute.id))
    )
    return found.all()


async def open_dispute(session: AsyncSession, *, settlement_id: UUID) -> SettlementDispute:
    """Raises NotFound; the caller holds the settlement's row."""
    found = await session.exec(
        sa.select(SettlementDispute).where(
            col(SettlementDispute.settlement_id) == settlement_id, col(SettlementDispute.answered_at).is_(None)
        )
    )
    dispute: SettlementDispute | None = found.scalars().first()
    if dispute is None:
        raise NotFound
    return dispute


async def line_ids(session: AsyncSession, *, settlement_id: UUID) -> set[UUID]:
    found = await session.exec(
        sa.select(col(SettlementLine.verification_id)).where(col(SettlementLine.settlement_id) == settlement_id)
    )
    return set(found.scalars().all())


async def silent(session: AsyncSession, *, limit: int) -> Sequence[UUID]:
    """Settlements whose owner let the last day to object pass."""
    found = await session.exec(
        sa.select(col(Settlement.id))
        .where(col(Settlement.status) == SettlementStatus.CLOSED, col(Settlement.confirm_by) < LOCAL_DAY)
        .order_by(col(Settlement.id))
        .limit(limit)
    )
    return found.scalars().all()


def _line(cents: Any) -> sa.Select[Any]:
    return sa.select(
        col(Verification.id), col(Redemption.id), col(Redemption.number), col(Redemption.reward_id), col(Redemption.reward_name),
        col(Redemption.quantity), cents, col(Verification.verified_at),
    ).join(Redemption, col(Redemption.id) == col(Verification.redemption_id))
