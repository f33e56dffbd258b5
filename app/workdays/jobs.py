"""The calendar of the coming year, as soon as the kept library has its notice."""

from app import clock
from app.jobs.registry import Context, every
from app.observability import get_logger
from app.workdays import seeding, service

log = get_logger(__name__)


@every("40 19 * 12 1", "workdays.fill_next_year")
async def fill_next_year(context: Context) -> None:
    """On the Mondays of December: the notice comes out in November, and a release with a newer library may come in later."""
    year = clock.today().year + 1
    days = seeding.year_of(year)
    async with context.database.transaction() as session:
        changed = await service.fill_year(session, year=year, days=days)
    log.info("workdays.filled", year=year, days=len(changed))
