"""`/reports/{id}/suggestions`: whom to name for a report."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.dispatching import views
from app.dispatching.schemas import Suggestions

router = routing.router("/reports", tag="上报")
ReportId = Annotated[UUID, Path(description="上报编号", examples=["0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a10"])]


@router.get("/{report_id}/suggestions", summary="派单建议（审核员）")
async def suggestions(report_id: ReportId, principal: SignedIn, session: ReadSession) -> Suggestions:
    return Suggestions.model_validate(await views.suggestions(session, principal, report_id))
