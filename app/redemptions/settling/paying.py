"""A confirmed month is paid; a month leaves the house as a file."""

from datetime import date
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.redemptions import queries
from app.redemptions.models import Settlement
from app.redemptions.settling import steps
from app.stores.models import Store


async def pay(
    session: AsyncSession, *, principal: Principal, store_id: UUID, month: date, seen: int | None, reference: str
) -> Settlement:
    """Notes that the store was paid. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    store, settlement = await steps.lock_for("pay", session, principal, store_id, month, seen)
    settlement.paid_at, settlement.payment_reference = await queries.now(session), reference
    await steps.move(session, "pay", settlement, store)
    await steps.tell_owners(session, store, settlement, "结算款已支付", f"{month:%Y-%m} 结算款已支付，凭证号 {reference}。")
    return settlement


def record_download(session: AsyncSession, *, store: Store, month: date, format: str, whole_account: bool) -> None:
    """That a settlement left as a file, and whether the payee's whole account stands in it, is written down."""
    audit_service.record(
        session, "settlement.download", object_kind="store", object_id=store.id, area_path=store.area_path, month=f"{month:%Y-%m}",
        format=format, whole_account=whole_account,
    )
