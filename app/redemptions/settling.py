"""Every change of a settlement: closed by the area, confirmed or disputed by the owner (or by silence), answered, paid.

Lock order: the settlement, then the store. Closing locks the store first instead: there is no settlement yet, and an undo that
shares the store's row must be over before the lines are written.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import ValidationFailed, expect_version
from app.messages import service as messages_service
from app.redemptions import queries, settling_queries, workflow
from app.redemptions.models import RedemptionText, Settlement, SettlementDispute, SettlementLine, SettlementStatus
from app.stores import queries as stores_queries
from app.stores import workflow as stores_workflow
from app.stores.models import Store
from app.workdays import queries as workdays_queries


def standing(principal: Principal, store: Store) -> workflow.Standing:
    return workflow.Standing(stores_workflow.owns(principal, store), stores_workflow.administers(principal, store))


async def close(session: AsyncSession, *, principal: Principal, store_id: UUID, month: date) -> Settlement:
    """Fixes the lines of an ended month. Raises NotFound, Forbidden, InvalidTransition."""
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    await stores_queries.lock(session, store_id)
    known = await settling_queries.settlement(session, store_id=store_id, month=month, lock=True)
    _require("close", principal, store, known, ended=month < (await settling_queries.today(session)).replace(day=1))
    now = await queries.now(session)
    settlement = Settlement(store_id=store_id, month=month, closed_at=now, confirm_by=await _last_day_to_object(session, now))
    session.add(settlement)
    await session.flush()
    lines = await settling_queries.lines(session, store_id=store_id, month=month, settlement=None)
    session.add_all(
        SettlementLine(verification_id=line.verification_id, settlement_id=settlement.id, cents=line.cents) for line in lines
    )
    _record(session, "settlement.close", settlement, store, lines=len(lines), cents=sum(line.cents for line in lines))
    body = f"{month:%Y-%m} 结算单已生成，请在 {settlement.confirm_by} 当天及之前确认或提出异议，逾期视为确认。"
    await _tell_owners(session, store, settlement, "结算单待确认", body)
    await session.flush()
    return settlement


async def confirm(session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None) -> Settlement:
    """The owner agrees. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    store, settlement = await _lock_for("confirm", session, principal, store_id, month, seen)
    now = await queries.now(session)
    settlement.confirmed_at = now
    return await _move(session, "confirm", settlement, store)


async def dispute(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, lines: Collection[UUID], reason: str
) -> Settlement:
    """The owner objects to some lines, or to what is missing. Raises what `confirm` raises, ValidationFailed for a line of elsewhere."""
    store, settlement = await _lock_for("dispute", session, principal, store_id, month, seen)
    if not set(lines) <= await settling_queries.line_ids(session, settlement_id=settlement.id):
        raise ValidationFailed.of("body", "lines", msg="包含不属于本结算单的明细", kind="lines")
    text = await _write(session, principal, reason)
    session.add(SettlementDispute(settlement_id=settlement.id, verification_ids=list(lines), reason_id=text.id))
    admins = await auth_queries.covering(session, area_path=store.area_path, roles=[Role.AREA_ADMIN])
    await _tell(session, admins, settlement, "商家对结算单有异议", f"{store.name} 对 {month:%Y-%m} 结算单提出异议，请处理。")
    return await _move(session, "dispute", settlement, store)


async def answer(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, note: str
) -> Settlement:
    """The administrator answers; the owner's days to object begin anew. Raises what `confirm` raises."""
    store, settlement = await _lock_for("answer", session, principal, store_id, month, seen)
    now = await queries.now(session)
    open_dispute = await settling_queries.open_dispute(session, settlement_id=settlement.id)
    open_dispute.answer_id, open_dispute.answered_at = (await _write(session, principal, note)).id, now
    settlement.confirm_by = await _last_day_to_object(session, now)
    session.add(open_dispute)
    body = f"{month:%Y-%m} 结算单的异议已答复，请在 {settlement.confirm_by} 当天及之前确认，逾期视为确认。"
    await _tell_owners(session, store, settlement, "结算异议已答复", body)
    return await _move(session, "answer", settlement, store)


async def pay(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, reference: str
) -> Settlement:
    """Notes that the store was paid. Raises what `confirm` raises."""
    store, settlement = await _lock_for("pay", session, principal, store_id, month, seen)
    now = await queries.now(session)
    settlement.paid_at, settlement.payment_reference = now, reference
    await _move(session, "pay", settlement, store)
    await _tell_owners(session, store, settlement, "结算款已支付", f"{month:%Y-%m} 结算款已支付，凭证号 {reference}。")
    return settlement


async def confirm_by_silence(session: AsyncSession, *, settlement_id: UUID) -> bool:
    """Confirms a settlement whose last day to object is over by the database's clock. False: not (any more) silent."""
    done = await session.exec(
        sa.update(Settlement)
        .where(
            col(Settlement.id) == settlement_id, col(Settlement.status) == SettlementStatus.CLOSED,
            col(Settlement.confirm_by) < settling_queries.LOCAL_DAY,
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
    store = await stores_queries.get(session, settlement.store_id)
    _record(session, "settlement.confirm", settlement, store, silence=True)
    await _tell_owners(session, store, settlement, "结算单已默认确认", f"{settlement.month:%Y-%m} 结算单在期限内无异议，已默认确认。")
    return True


def record_download(session: AsyncSession, *, store: Store, month: date, format: str) -> None:
    """A settlement left the house as a file: that is written down."""
    audit_service.record(
        session, "settlement.download", object_kind="store", object_id=store.id, area_path=store.area_path, month=f"{month:%Y-%m}",
        format=format,
    )


async def _lock_for(
    name: str, session: AsyncSession, principal: Principal, store_id: UUID, month: date, seen: int | None
) -> tuple[Store, Settlement]:
    """The store and the locked settlement, when the caller may give this command now."""
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    settlement = await settling_queries.settlement(session, store_id=store_id, month=month, lock=True)
    if settlement is not None:
        expect_version(seen, settlement.version)
    _require(name, principal, store, settlement, ended=False)
    assert settlement is not None  # no command but `close` starts from an open month
    return store, settlement


def _require(name: str, principal: Principal, store: Store, settlement: Settlement | None, *, ended: bool) -> None:
    status = SettlementStatus.OPEN if settlement is None else settlement.status
    workflow.require_settlement(name, status, standing=standing(principal, store), ended=ended)


async def _move(session: AsyncSession, name: str, settlement: Settlement, store: Store) -> Settlement:
    settlement.status = workflow.SETTLEMENT[name].end
    settlement.version += 1
    session.add(settlement)
    _record(session, f"settlement.{name}", settlement, store)
    await session.flush()
    return settlement


async def _write(session: AsyncSession, principal: Principal, sentence: str) -> RedemptionText:
    text = RedemptionText(author_id=principal.account_id, text=sentence)
    session.add(text)
    await session.flush()
    return text


async def _last_day_to_object(session: AsyncSession, now: datetime) -> date:
    return clock.local_day(await workdays_queries.add_days(session, start=now, days=workflow.SILENCE_DAYS))


def _record(session: AsyncSession, action: str, settlement: Settlement, store: Store, **facts: Any) -> None:
    audit_service.record(
        session, action, object_kind="settlement", object_id=settlement.id, area_path=store.area_path, store_id=str(store.id),
        month=f"{settlement.month:%Y-%m}", **facts,
    )


async def _tell_owners(session: AsyncSession, store: Store, settlement: Settlement, title: str, body: str) -> None:
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
    owners = sorted({grant.account_id for grant in staff if grant.role is Role.STORE_OWNER and grant.account_id is not None})
    await _tell(session, owners, settlement, title, f"{store.name}：{body}")


async def _tell(session: AsyncSession, account_ids: Collection[UUID], settlement: Settlement, title: str, body: str) -> None:
    for account_id in account_ids:
        await messages_service.send(
            session, member_id=account_id, category="system", title=title, body=body,
            path=f"pages/settlements/detail?store_id={settlement.store_id}&month={settlement.month:%Y-%m}",
            reference=("settlement", settlement.id, None),
        )
