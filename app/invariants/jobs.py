"""The hourly look at the books."""

from app.audit import service as audit_service
from app.invariants import service
from app.jobs.registry import Context, every
from app.observability import get_logger

log = get_logger(__name__)


@every("37 * * * *", "invariants.check")
async def check(context: Context) -> None:
    """A broken invariant is an error in the log, which operators are alerted by, and an audit event that stays; redemption stands still.

    One connection and no parallel workers: the service goes on beside it.
    """
    results = await service.examine(context.database)
    await service.react(context.database, results)
    for result in results:
        if result.error:
            log.error("invariant.unchecked", invariant=result.check.code, error=result.error)
        if result.broken:
            log.error("invariant.broken", invariant=result.check.code, count=result.broken, sample=result.sample)
            async with context.database.transaction() as session:
                audit_service.record(
                    session, "invariants.broken", object_kind="invariant", object_id=None, outcome="error", reason=result.check.code,
                    count=result.broken,
                )
