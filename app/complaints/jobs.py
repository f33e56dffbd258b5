"""Who hears that complaints wait for their answer."""

from app.complaints import service
from app.jobs.registry import Context, every


@every("11 1 * * *", "complaints.remind")
async def remind(context: Context) -> None:
    """Eleven past nine in Shanghai."""
    async with context.database.transaction() as session:
        await service.remind(session)
