"""The nightly run."""

from app.jobs.registry import Context, every
from app.observability import get_logger
from app.retention import running

log = get_logger(__name__)


@every("23 19 * * *", "retention.follow")
async def follow(context: Context) -> None:
    done = await running.follow_all(context.database)
    log.info("retention.followed", **{code: rows for code, rows in done.items() if rows})
