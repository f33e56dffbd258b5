"""The code of an order: kept sealed, found by its keyed index only."""

from uuid import UUID

from app.db.session import AsyncSession
from app.redemptions import codes
from app.redemptions.models import Redemption, Status
from app.security import sealing

PURPOSE = "redemption-code"


def drawn(session: AsyncSession, redemption_id: UUID) -> tuple[str, bytes, bytes]:
    """A new code for an order as the member sees it, the same sealed, and what it is found by."""
    code = codes.draw()
    sealed = sealing.seal(session, code, table="redemption", column="code", row=redemption_id)
    return codes.grouped(code), sealed, sealing.blind_index(session, code, purpose=PURPOSE)


def code_indexes(session: AsyncSession, code: str) -> list[bytes]:
    """What a code is found by: its index under any key of the ring. Codes are drawn from 2⁵⁵: no two orders share one by chance."""
    return sealing.blind_indexes(session, code, purpose=PURPOSE)


def code_of(session: AsyncSession, redemption: Redemption) -> str | None:
    """The code as the member sees it, while the order is live."""
    if redemption.status is not Status.ISSUED or redemption.code_sealed is None:
        return None
    return codes.grouped(sealing.unseal(session, redemption.code_sealed, table="redemption", column="code", row=redemption.id))
