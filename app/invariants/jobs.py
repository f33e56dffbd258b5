"""The hourly look at the books."""

from app.audit import service as audit_service
from app.invariants import service
from app.jobs.registry import Context, every
from app.observability import get_logger

log = get_logger(__name__)


@every("37 * * * *", "invariants.check")
async def check(context: Context) -> None:
    """A broken invariant is an error in the log, which operators are alerted by, and an audit event that stays."""
    for finding in await service.check_all(context.database):
        log.error("invariant.broken", invariant=finding.invariant, count=finding.count, sample=finding.sample)
        async with context.database.transaction() as session:
            audit_service.record(
                session, "invariants.broken", object_kind="invariant", object_id=None, outcome="error", reason=finding.invariant.split()[0],
                count=finding.count,
            )
