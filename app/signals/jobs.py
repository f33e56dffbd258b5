"""What runs after a report was filed or amended."""

from typing import Any
from uuid import UUID

from app.jobs.registry import Context, handles
from app.signals import service


@handles("report.signals")
async def recompute(context: Context, payload: dict[str, Any]) -> None:
    """The prints of its photos are there already: they are made with the upload."""
    async with context.database.transaction() as session:
        await service.recompute(session, report_id=UUID(payload["report_id"]))
