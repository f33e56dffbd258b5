"""`/reports/{id}/claim`: a reviewer tells colleagues who is at work on a report."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from app.auth import routing
from app.auth.routing import Session, SignedIn
from app.reports import service, views_desk
from app.reports.answers import ClaimOut

router = routing.router("/reports", tag="上报")
ReportId = Annotated[UUID, Path(description="上报编号", examples=["0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a10"])]


@router.put("/{report_id}/claim", summary="声明正在审核，30 分钟（审核员）")
async def claim(report_id: ReportId, principal: SignedIn, session: Session) -> ClaimOut:
    await service.claim(session, principal=principal, report_id=report_id)
    return ClaimOut.model_validate(await views_desk.claim(session, principal, report_id))


@router.delete("/{report_id}/claim", status_code=204, summary="不再审核")
async def unclaim(report_id: ReportId, principal: SignedIn, session: Session) -> Response:
    await service.unclaim(session, principal=principal, report_id=report_id)
    return Response(status_code=204)
