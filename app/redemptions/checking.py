"""Is a slip one of ours?"""

from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.redemptions import queries, slips
from app.redemptions.models import Redemption, Verification
from app.security import sealing, throttles
from app.stores import queries as stores_queries
from app.stores.models import Store

MOST, PERIOD_S = 60, 600  # so many slips are checked by one person in so many seconds


async def check(
    session: AsyncSession, *, principal: Principal, store_id: UUID, number: str, check_code: str
) -> tuple[Store, tuple[Any, ...] | None]:
    """The store, and the verification that made this slip, as `queries.verifications` gives it; None for one that nothing made.

    Raises NotFound for who does not work at the store or look after it, RateLimited.
    """
    store = await stores_queries.access_worked(session, principal=principal, store_id=store_id)
    await throttles.take(session, f"redemption.slip:{principal.account_id}", limit=MOST, period_s=PERIOD_S)
    keys, shown = sealing.ring(session), check_code
    for row in await queries.of_number(session, store_id=store_id, number=number):
        if slips.made_by_us(keys, _signed(row[0], row[1]), shown):
            return store, tuple(row)
    audit_service.record(
        session, "redemption.slip", object_kind="store", object_id=store_id, area_path=store.area_path, outcome="denied",
        reason="slip_invented",
    )
    await session.flush()
    return store, None


def _signed(use: Verification, order: Redemption) -> slips.Signed:
    return slips.Signed(use.id, use.store_id, order.number, order.quantity, use.verified_at)
