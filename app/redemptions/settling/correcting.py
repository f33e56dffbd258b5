"""Corrections go forward: an amount on top of an open month, proposed by one administrator and decided by another."""

from datetime import date
from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Conflict, Forbidden, InvalidTransition, ValidationFailed, expect_version
from app.export import tables
from app.redemptions import queries, queries_corrections, queries_settlements
from app.redemptions.models import CorrectionStatus, SettlementCorrection
from app.redemptions.settling import steps
from app.stores import queries as stores_queries
from app.stores.models import Store


async def propose_correction(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, cents: int, reason: str, verification_id: UUID | None,
    of_month: date | None,
) -> SettlementCorrection:
    """Asks for an amount to be added to an open month, or taken off it.

    Raises NotFound, Forbidden, InvalidTransition for a closed month, Conflict for one that has not begun, ValidationFailed for a
    verification of another store or an earlier month that is not closed.
    """
    store = await _administered(session, principal, store_id)
    known = await queries_settlements.settlement(session, store_id=store_id, month=month)
    if known is not None:
        raise InvalidTransition("该月份已关账，请在未关账的月份登记更正", state=known.status, allowed=[])
    if month > await queries_settlements.today(session):
        raise Conflict("该月份尚未开始")
    await _require_cause(session, store_id, month, verification_id, of_month)
    correction = SettlementCorrection(
        store_id=store_id, month=month, cents=cents, verification_id=verification_id, of_month=of_month,
        reason_id=(await steps.write(session, principal, reason)).id, proposed_by=principal.account_id,
    )
    session.add(correction)
    await session.flush()
    _record(session, "propose", correction, store)
    admins = await auth_queries.covering(session, area_path=store.area_path, roles=[Role.AREA_ADMIN])
    others = [account_id for account_id in admins if account_id != principal.account_id]
    await steps.tell(session, others, correction, "结算更正待审批", f"{store.name} {month:%Y-%m} 有一笔结算更正待另一位管理员审批。")
    await session.flush()
    return correction


async def approve_correction(session: AsyncSession, **told: Any) -> SettlementCorrection:
    """It enters the month, or the next one that is open by then.

    Raises NotFound, Forbidden for who proposed it, VersionMismatch, InvalidTransition.
    """
    return await _decide(session, CorrectionStatus.APPROVED, **told)


async def reject_correction(session: AsyncSession, **told: Any) -> SettlementCorrection:
    """Raises what `approve_correction` raises."""
    return await _decide(session, CorrectionStatus.REJECTED, **told)


async def _decide(
    session: AsyncSession, status: CorrectionStatus, *, principal: Principal, store_id: UUID, month: date, correction_id: UUID,
    seen: int | None,
) -> SettlementCorrection:
    store = await _administered(session, principal, store_id)
    correction = await queries_corrections.lock(session, store_id=store_id, month=month, correction_id=correction_id)
    if correction.proposed_by == principal.account_id:
        raise Forbidden("须由另一位管理员审批")
    expect_version(seen, correction.version)
    if correction.status is not CorrectionStatus.PENDING:
        raise InvalidTransition(state=correction.status, allowed=[])
    correction.status, correction.decided_by, correction.decided_at = status, principal.account_id, await queries.now(session)
    correction.version += 1
    session.add(correction)
    _record(session, "approve" if status is CorrectionStatus.APPROVED else "reject", correction, store)
    if status is CorrectionStatus.APPROVED:
        body = f"一笔结算更正 {tables.yuan(correction.cents):+} 元已审批，将计入 {correction.month:%Y-%m} 或之后的结算单。"
        await steps.tell_owners(session, store, correction, "结算更正", body)
    await session.flush()
    return correction


async def _administered(session: AsyncSession, principal: Principal, store_id: UUID) -> Store:
    """The store, whose row is shared so that no closing passes by meanwhile. Nobody decides on what the own store is paid."""
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    standing = steps.standing(principal, store)
    if standing.owner or not standing.administrator:
        raise Forbidden
    return await stores_queries.lock(session, store_id, shared=True)


async def _require_cause(session: AsyncSession, store_id: UUID, month: date, verification_id: UUID | None, of_month: date | None) -> None:
    if verification_id is not None and not await queries_corrections.is_used_at(session, verification_id, store_id=store_id):
        raise ValidationFailed.of("body", "verification_id", msg="不是本店的核销", kind="verification_id")
    if of_month is None:
        return
    closed = await queries_settlements.settlement(session, store_id=store_id, month=of_month)
    if closed is None or of_month >= month:
        raise ValidationFailed.of("body", "of_month", msg="应为更早的已关账月份", kind="of_month")


def _record(session: AsyncSession, verb: str, correction: SettlementCorrection, store: Store) -> None:
    audit_service.record(
        session, f"settlement.{verb}_correction", object_kind="settlement_correction", object_id=correction.id,
        area_path=store.area_path, store_id=str(store.id), month=f"{correction.month:%Y-%m}", cents=correction.cents,
    )
