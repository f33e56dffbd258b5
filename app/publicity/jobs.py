"""A quarter's lists, on the first day after it. What a missed night left undone the next one does."""

from app.jobs.registry import Context, every
from app.publicity import queries, service


@every("20 16 * * *", "publicity.publish")
async def publish(context: Context) -> None:
    """Twenty past midnight in Shanghai. One transaction a list, so that nobody waits for all of them."""
    async with context.database.transaction() as session:
        due = await queries.unpublished(session, at=await queries.now(session))
    for tenant, quarter in due:
        async with context.database.transaction() as session:
            await service.publish(session, tenant=tenant, quarter=quarter)
    async with context.database.transaction() as session:
        astray = await queries.astray(session)
    for objection_id in astray:
        async with context.database.transaction() as session:
            await service.adopt(session, objection_id=objection_id)
    async with context.database.transaction() as session:
        await service.sweep(session)
