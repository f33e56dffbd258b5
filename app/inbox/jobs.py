"""What lies on nobody's desk any more."""

from datetime import timedelta

from app.inbox import queries
from app.jobs.registry import Context, every
from app.reports import service

DAY = timedelta(days=1)


@every("40 0 * * *", "report.tell_left")
async def tell_left(context: Context) -> None:
    """Once after a worker lost the grant, by erasure too; until somebody else is named, the inbox shows it under `assignee_gone`."""
    async with context.database.transaction() as session:
        found = await queries.lately_left(session, within_last=DAY)
    for report_id in found:
        async with context.database.transaction() as session:
            await service.tell_left(session, report_id=report_id)
