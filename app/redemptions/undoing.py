"""A verification is taken back at the store that made it, within the half hour and before its month is closed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.points import service as points_service
from app.redemptions import notices, queries, queries_settlements, workflow
from app.redemptions.errors import AlreadyUndone, UndoTooLate
from app.redemptions.models import Redemption, RedemptionText, Status, Verification, VerificationUndo
from app.stores import queries as stores_queries


@dataclass(frozen=True, slots=True)
class Undone:
    verification_id: UUID
    redemption: Redemption
    undone_at: datetime


async def undo(session: AsyncSession, *, principal: Principal, redemption_id: UUID, reason: str) -> Undone:
    """Takes a verification back: the order is live again with the same code, the points are held again.

    Raises NotFound for who does not work at the store of the verification, Forbidden for one's own order, AlreadyUndone, UndoTooLate.
    """
    redemption, verification, now = await _access_undoable(session, principal, redemption_id)
    settled = await _settled(session, verification)
    erased = redemption.code_index is None  # with its code: nothing is there to come back to life for
    if erased or not workflow.undoable(verification.verified_at, now=now, undone=False, settled=settled):
        raise UndoTooLate(verified_at=verification.verified_at, minutes=int(workflow.UNDO_FOR.total_seconds() // 60))
    text = RedemptionText(author_id=principal.account_id, member_id=redemption.member_id, text=reason)
    session.add(text)
    await session.flush()
    session.add(
        VerificationUndo(verification_id=verification.id, clerk_id=principal.account_id, reason_id=text.id, undone_at=now)
    )
    redemption.status, redemption.verification_id, redemption.confirmed_at = Status.ISSUED, None, None
    redemption.version += 1
    session.add(redemption)
    await session.flush()
    await points_service.reverse_capture(
        session, member_id=redemption.member_id, amount=redemption.points, redemption_id=redemption.id, number=redemption.number,
        actor_id=principal.account_id, store_id=verification.store_id, month=workflow.month_of(verification.verified_at),
    )
    audit_service.record(
        session, "redemption.undo", object_kind="redemption", object_id=redemption.id, verification_id=str(verification.id),
        store_id=str(verification.store_id), points=redemption.points,
    )
    body = f"“{redemption.reward_name}”（{redemption.number}）的核销已撤销，原兑换码可继续使用。"
    await notices.tell(session, redemption.member_id, redemption.id, redemption.number, "核销已撤销", body)
    await session.flush()
    return Undone(verification.id, redemption, now)


async def _access_undoable(session: AsyncSession, principal: Principal, redemption_id: UUID) -> tuple[Redemption, Verification, datetime]:
    """Locks the order, and finds its last verification at a store where the caller works."""
    store_ids = principal.scope_ids(ScopeType.STORE, *queries.STAFF)
    redemption = await queries.lock(session, redemption_id)
    found = await queries.last_use_at(session, redemption_id=redemption_id, store_ids=store_ids)
    if found is None:
        raise NotFound
    verification, undone_at, now = found
    if redemption.member_id == principal.account_id:
        raise Forbidden("不能撤销自己的兑换单")
    if undone_at is not None:
        raise AlreadyUndone(undone_at=undone_at)
    return redemption, verification, now


async def _settled(session: AsyncSession, verification: Verification) -> bool:
    """Is the month of this verification closed? The store's row, shared, keeps a closing from passing by meanwhile."""
    await stores_queries.lock(session, verification.store_id, shared=True)
    month = workflow.month_of(verification.verified_at)
    return await queries_settlements.settlement(session, store_id=verification.store_id, month=month) is not None
