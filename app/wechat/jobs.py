"""Jobs of the WeChat connection itself. What was pushed is taken by the features that it concerns."""

from app.jobs.registry import Context, every
from app.wechat import push


@every("23 * * * *", "wechat.sweep")
async def sweep(context: Context) -> None:
    """Deletes old nonces and old events."""
    async with context.database.transaction() as session:
        await push.sweep(session)
