"""A month is closed: its lines, what of the corrections it has room for, and the terms on which it is paid are fixed."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.redemptions import queries, queries_corrections, queries_settlements, workflow, workflow_settlements
from app.redemptions.models import Settlement, SettlementCorrection, SettlementStatus
from app.redemptions.settling import steps
from app.redemptions.workflow_settlements import Line
from app.stores import queries as stores_queries
from app.stores import queries_contracts
from app.stores.models import Store

# One statement for ten thousand lines.
FIX_LINES = sa.text("""
insert into settlement_line (verification_id, settlement_id, cents)
select l.id, :settlement_id, l.cents from unnest(:ids, :cents) as l (id, cents)
""").bindparams(
    sa.bindparam("settlement_id", type_=sa.Uuid), sa.bindparam("ids", type_=ARRAY(sa.Uuid)), sa.bindparam("cents", type_=ARRAY(sa.Integer))
)


async def close(session: AsyncSession, *, principal: Principal, store_id: UUID, month: date) -> Settlement:
    """Fixes an ended month. Raises NotFound, Forbidden, InvalidTransition.

    Corrections that nobody has decided, and those for which the month has no room, wait for the next month by themselves.
    """
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    await stores_queries.lock(session, store_id)
    known = await queries_settlements.settlement(session, store_id=store_id, month=month, lock=True)
    steps.require("close", principal, store, known, ended=month < (await queries_settlements.today(session)).replace(day=1))
    lines = await queries_settlements.lines(session, store_id=store_id, month=month, settlement=None)
    due = await queries_corrections.due(session, store_id=store_id, month=month, lock=True)
    taken = workflow_settlements.fitting(sum(line.cents for line in lines), due)
    settlement = await _fixed(session, store, month, lines, taken)
    session.add(settlement)
    await session.flush()
    await _attach(session, settlement, lines, taken)
    steps.record(
        session, "settlement.close", settlement, store, lines=len(lines), cents=settlement.total_cents, corrections=len(taken),
        waiting=len(due) - len(taken),
    )
    body = f"{month:%Y-%m} 结算单已生成，请在 {settlement.confirm_by} 当天及之前确认或提出异议，逾期视为确认。"
    await steps.tell_owners(session, store, settlement, "结算单待确认", body)
    await session.flush()
    return settlement


async def _fixed(
    session: AsyncSession, store: Store, month: date, lines: Sequence[Line], taken: Sequence[SettlementCorrection]
) -> Settlement:
    now = await queries.now(session)
    head_day, head = await queries_settlements.head(session, store_id=store.id, month=month)
    settlement = Settlement(
        id=new_id(), store_id=store.id, store_name=store.name, month=month, status=SettlementStatus.CLOSED, closed_at=now,
        confirm_by=await steps.after_workdays(session, now, workflow.SILENCE_DAYS), lines=len(lines),
        total_cents=sum(line.cents for line in lines) + sum(one.cents for one in taken), head_day=head_day, head=head,
        **await terms(session, store.id, month),
    )
    settlement.digest = workflow_settlements.digest(settlement, lines, taken)
    return settlement


async def terms(session: AsyncSession, store_id: UUID, month: date) -> dict[str, Any]:
    """Those of the last contract that was in force within the month; nothing without any."""
    last = clock.next_month(month) - timedelta(days=1)
    contract = await queries_contracts.within(session, store_id=store_id, first=month, last=last)
    if contract is None:
        return {}
    return {
        "contract_id": contract.id, "contract_number": contract.number, "payee_name": contract.payee_name,
        "account_last4": contract.bank_account_last4, "pay_within_days": contract.pay_within_days,
    }


async def _attach(
    session: AsyncSession, settlement: Settlement, lines: Sequence[Line], taken: Sequence[SettlementCorrection]
) -> None:
    fixed = {"settlement_id": settlement.id, "ids": [line.verification_id for line in lines], "cents": [line.cents for line in lines]}
    await session.exec(FIX_LINES, params=fixed)
    if taken:
        await session.exec(
            sa.update(SettlementCorrection)
            .where(col(SettlementCorrection.id).in_([one.id for one in taken]))
            .values(settlement_id=settlement.id, version=SettlementCorrection.version + 1)
            .execution_options(synchronize_session=False)
        )
