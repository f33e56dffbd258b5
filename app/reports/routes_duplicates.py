"""`/reports/{id}/duplicates`."""

from uuid import UUID

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.reports import likeness, queries_duplicates
from app.reports.answers import Duplicate

router = routing.router("/reports", tag="上报")


@router.get("/{report_id}/duplicates", summary="可能重复的上报及理由")
async def duplicates(report_id: UUID, principal: SignedIn, session: ReadSession) -> list[Duplicate]:
    found = await queries_duplicates.of_report(session, principal=principal, report_id=report_id)
    return [Duplicate.model_validate(likeness.shown(match)) for match in found]
