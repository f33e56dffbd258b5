"""The right to work on a job. Whoever takes one gets the next number of its row; a commit under an older number is refused.

A worker that stood still (a stopped process, a lost network) may wake after its job went to another: it must not write any more.
"""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session as SyncSession

from app.db.session import Database
from app.jobs.tables import QUEUE

INFO = "lease"
# The lock keeps others from taking the job until this transaction has ended; a heartbeat does not wait for it.
HOLDS = sa.text(
    f"select true from {QUEUE}"
    " where id = :job and lease = :number and queue_manager_id = :worker and status = 'picked' for key share"
)


class LeaseLost(Exception):
    """Another worker has the job: nothing of this transaction may be kept."""


@dataclass(slots=True)
class Lease:
    """`crashes`: how many workers were lost over the job. `counted`: whether the failure that is told next is one of its tries."""

    job: int
    number: int
    worker: UUID
    crashes: int = 0
    counted: bool = True


def under(database: Database, lease: Lease) -> Database:
    """The database for one run of a job: each of its transactions is kept only while the lease holds."""
    return database.carrying(**{INFO: lease})


@event.listens_for(SyncSession, "before_commit")
def _expect_lease(session: SyncSession) -> None:
    lease: Lease | None = session.info.get(INFO)
    if lease is None or session.in_nested_transaction():
        return
    held = session.connection().scalar(HOLDS, {"job": lease.job, "number": lease.number, "worker": lease.worker})
    if held is None:
        raise LeaseLost
