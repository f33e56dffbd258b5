"""`/reports/{id}/signals`."""

from uuid import UUID

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.signals import queries, views
from app.signals.schemas import SignalOut

router = routing.router("/reports", tag="上报")


@router.get("/{report_id}/signals", summary="真实性提示（仅供审核参考）")
async def signals(report_id: UUID, principal: SignedIn, session: ReadSession) -> list[SignalOut]:
    found = await queries.of_report(session, principal=principal, report_id=report_id)
    return [SignalOut.model_validate(views.shown(signal)) for signal in found]
