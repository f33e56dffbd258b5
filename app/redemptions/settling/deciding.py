"""The owner confirms or objects, or lets the days pass; the administrator answers."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import ValidationFailed
from app.redemptions import queries, queries_settlements, workflow, workflow_settlements
from app.redemptions.models import Settlement, SettlementDispute, SettlementStatus
from app.redemptions.settling import steps
from app.stores import queries as stores_queries


async def confirm(session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None) -> Settlement:
    """The owner agrees. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    store, settlement = await steps.lock_for("confirm", session, principal, store_id, month, seen)
    now = await queries.now(session)
    pay_by = await _pay_by(session, settlement, now)
    settlement.confirmed_at, settlement.pay_by = now, pay_by
    return await steps.move(session, "confirm", settlement, store)


async def dispute(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, lines: Collection[UUID], reason: str
) -> Settlement:
    """The owner objects to some lines, or to what is missing. Raises what `confirm` raises, ValidationFailed for a line of elsewhere.

    Once the last day to object is over, the month takes no objection, whether or not the job has confirmed it yet.
    """
    store, settlement = await steps.lock_for("dispute", session, principal, store_id, month, seen)
    if not set(lines) <= await queries_settlements.line_ids(session, settlement_id=settlement.id):
        raise ValidationFailed.of("body", "lines", msg="包含不属于本结算单的明细", kind="lines")
    text = await steps.write(session, principal, reason)
    session.add(SettlementDispute(settlement_id=settlement.id, verification_ids=list(lines), reason_id=text.id))
    admins = await auth_queries.covering(session, area_path=store.area_path, roles=[Role.AREA_ADMIN])
    await steps.tell(session, admins, settlement, "商家对结算单有异议", f"{store.name} 对 {month:%Y-%m} 结算单提出异议，请处理。")
    return await steps.move(session, "dispute", settlement, store)


async def answer(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, note: str
) -> Settlement:
    """The administrator answers; the owner's days to object begin anew. Raises what `confirm` raises."""
    store, settlement = await steps.lock_for("answer", session, principal, store_id, month, seen)
    now = await queries.now(session)
    open_dispute = await queries_settlements.open_dispute(session, settlement_id=settlement.id)
    open_dispute.answer_id, open_dispute.answered_at = (await steps.write(session, principal, note)).id, now
    settlement.confirm_by = await steps.after_workdays(session, now, workflow.SILENCE_DAYS)
    session.add(open_dispute)
    body = f"{month:%Y-%m} 结算单的异议已答复，请在 {settlement.confirm_by} 当天及之前确认，逾期视为确认。"
    await steps.tell_owners(session, store, settlement, "结算异议已答复", body)
    return await steps.move(session, "answer", settlement, store)


async def confirm_by_silence(session: AsyncSession, *, settlement_id: UUID) -> bool:
    """Confirms a settlement whose last day to object is over by the database's clock. False: not (any more) silent."""
    done = await session.exec(
        sa.update(Settlement)
        .where(
            col(Settlement.id) == settlement_id, col(Settlement.status) == SettlementStatus.CLOSED,
            col(Settlement.confirm_by) < queries_settlements.LOCAL_DAY,
        )
        .values(
            status=SettlementStatus.CONFIRMED, confirmed_at=queries.CLOCK, confirmed_by_silence=True, version=Settlement.version + 1
        )
        .returning(Settlement)
        .execution_options(populate_existing=True)
    )
    settlement: Settlement | None = done.scalars().first()
    if settlement is None:
        return False
    assert settlement.confirmed_at is not None
    settlement.pay_by = await _pay_by(session, settlement, settlement.confirmed_at)
    session.add(settlement)
    store = await stores_queries.get(session, settlement.store_id)
    steps.record(session, "settlement.confirm", settlement, store, silence=True)
    body = f"{settlement.month:%Y-%m} 结算单在期限内无异议，已默认确认。"
    await steps.tell_owners(session, store, settlement, "结算单已默认确认", body)
    return True


async def _pay_by(session: AsyncSession, settlement: Settlement, confirmed_at: datetime) -> date:
    """From its confirmation on a month is owed: the contract's working days for paying it begin."""
    return await steps.after_workdays(session, confirmed_at, settlement.pay_within_days or workflow_settlements.PAY_DAYS)
