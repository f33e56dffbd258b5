"""What the clock does: ended months are frozen."""

from uuid import UUID

from app.enterprises import queries as enterprises_queries
from app.jobs.registry import Context, every
from app.statements import queries, service


@every("37 19 * * *", "statements.freeze")
async def freeze(context: Context) -> None:
    """Half past three in the morning of Shanghai, on the first of a month; on other days it finds what an outage has left. One transaction
    an enterprise, so that one that fails holds up no other.
    """
    async with context.database.reader() as reader:
        enterprises = await queries.behind(reader)
    failed: list[Exception] = []
    for enterprise_id in enterprises:
        try:
            await _freeze(context, enterprise_id)
        except Exception as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("enterprises whose months could not be frozen", failed)


async def _freeze(context: Context, enterprise_id: UUID) -> None:
    async with context.database.transaction() as session:
        await service.freeze_ended(session, enterprise=await enterprises_queries.get(session, enterprise_id))
