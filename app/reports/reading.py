"""Reading by officials: whenever a reporter's whole name is told to one of them, that is audited in the same transaction."""

from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.reports import queries_lines, views, views_eyes
from app.reports.eyes import Name

READ = "reports.read_reporter"


async def detail(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """The report as the caller sees it now. Raises NotFound."""
    line = await queries_lines.access(session, principal=principal, report_id=report_id)
    if views_eyes.staff(principal, line) and views_eyes.of(principal, line).name is Name.FULL:
        audit_service.record(session, READ, object_kind="report", object_id=report_id, area_path=line.report.area_path)
    return await views.whole(session, principal, line)
