"""Having WeChat asked about the risk of an account: by a job, for those only who agreed to it.

Their network address goes into the job, sealed, and nowhere else; `signals` asks, keeps the answer for a while, and forgets it.
"""

from base64 import b64decode, b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.security import sealing

SIGN_UP, CONTENT = 0, 2  # WeChat's own numbers of the occasion
ASK_WITHIN = timedelta(hours=1)  # later the address says nothing of the occasion any more


async def ask_risk(session: AsyncSession, *, member_id: UUID, scene: int, report_id: UUID | None = None) -> None:
    """Asks nothing where no address is known: what a job or a command does is no visit of the person. The caller knows of the consent."""
    address = session.info.get("address")
    if not address:
        return
    sealed = sealing.seal(session, str(address), table="job", column="address", row=member_id)
    payload: dict[str, Any] = {
        "member_id": str(member_id), "scene": scene, "until": (clock.now() + ASK_WITHIN).isoformat(),
        "address": b64encode(sealed).decode(),
    }
    if report_id is not None:
        payload["report_id"] = str(report_id)
    await jobs_service.enqueue(session, "signals.ask_risk", payload, key=f"signals.ask_risk:{report_id or member_id}")


def address_in(session: AsyncSession, payload: dict[str, Any]) -> str:
    """What `ask_risk` has sealed into a job."""
    return sealing.unseal(session, b64decode(payload["address"]), table="job", column="address", row=UUID(payload["member_id"]))
