"""Reports that cannot be searched yet."""

from app.jobs.registry import Context, every
from app.observability import get_logger
from app.reports import service

STEP = 200
log = get_logger(__name__)


@every("*/5 * * * *", "report.index_old_texts")
async def index_old_texts(context: Context) -> None:
    """Reports of before there was a search, and those that a release before this one files or changes beside us. Mostly there are none."""
    after, done, failed = None, 0, 0
    while True:
        async with context.database.transaction() as session:
            step = await service.index_next(session, after=after, limit=STEP)
        if not step.ids:
            break
        after, done, failed = step.ids[-1], done + len(step.ids), failed + len(step.failed)
    if done:
        log.info("report.texts_indexed", reports=done, unreadable=failed)
