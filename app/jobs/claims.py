"""PgQueuer's statements about jobs in hand, made ours: every one names the lease, so that who lost a job cannot end, keep or delay it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.models import Job, TracebackRecord

from app.jobs.leases import Lease
from app.jobs.tables import LOG, QUEUE, STATUS

REASON_LIMIT = 100

# Only other workers' jobs are taken over: one that runs here may be late with a heartbeat, and goes on. Nor is one taken whose earlier run,
# lost to another worker meanwhile, has not ended here yet. What a worker was lost over comes after its equals: it may have been the reason.
TAKE = f"""
with room as (
    select greatest(least($1::int, $2::int - count(*)), 0) as seats from {QUEUE} where queue_manager_id = $3 and status = 'picked'
), due as (
    select id, priority, crashes from {QUEUE}
    where status = 'queued' and entrypoint = any($4::text[]) and execute_after <= now() and id <> all($6::bigint[])
    order by priority desc, id limit (select seats from room) for update skip locked
), left_behind as (
    select id, priority, crashes + 1 as crashes from {QUEUE}
    where status = 'picked' and entrypoint = any($4::text[]) and heartbeat < now() - $5::interval and queue_manager_id is distinct from $3
    order by priority desc, id limit (select seats from room) for update skip locked
), chosen as (
    select id from (select * from due union all select * from left_behind) as both_kinds
    order by priority desc, crashes, id limit (select seats from room)
), taken as (
    update {QUEUE} as job
    set status = 'picked', updated = now(), heartbeat = now(), queue_manager_id = $3, lease = lease + 1,
        crashes = least(crashes + (status = 'picked')::int, 32000)
    from chosen where job.id = chosen.id returning job.*
)
select * from taken order by priority desc, id
"""
# A job whose run was broken off by a stop of the worker ("canceled") is for the next one.
END = f"""
with told as (
    select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) as t(id, lease, outcome, reason)
), mine as (
    select job.id, job.entrypoint, job.priority, told.outcome, told.reason
    from {QUEUE} as job join told on told.id = job.id and told.lease = job.lease
    where job.status = 'picked' and job.queue_manager_id = $5
    for update of job
), done as (
    delete from {QUEUE} where id in (select id from mine where outcome not in ('failed', 'canceled'))
), kept as (
    update {QUEUE} as job
    set status = case when mine.outcome = 'failed' then 'failed' else 'queued' end::{STATUS}, execute_after = now(), updated = now(),
        queue_manager_id = null, crashes = 0
    from mine where job.id = mine.id and mine.outcome in ('failed', 'canceled')
)
insert into {LOG} (job_id, status, entrypoint, priority, traceback)
select id, outcome::{STATUS}, entrypoint, priority, jsonb_build_object('reason', reason) from mine where outcome <> 'successful'
"""
AGAIN = f"""
with again as (
    update {QUEUE}
    set status = 'queued', attempts = attempts + $5::int, updated = now(), queue_manager_id = null, crashes = 0,
        headers = case jsonb_typeof(headers) when 'object' then headers - 'due' end,
        execute_after = case when (headers->>'due')::timestamptz > now() then (headers->>'due')::timestamptz else now() + $4::interval end
    where id = $1 and lease = $2 and queue_manager_id = $3 and status = 'picked' returning id, entrypoint, priority
)
insert into {LOG} (job_id, status, entrypoint, priority, traceback)
select id, 'queued', entrypoint, priority, jsonb_build_object('reason', $6::text) from again
"""
ALIVE = f"""
update {QUEUE} as job set heartbeat = now()
from unnest($1::bigint[], $2::bigint[]) as held(id, lease)
where job.id = held.id and job.lease = held.lease and job.queue_manager_id = $3 and job.status = 'picked'
"""
# What failed and rests; what rests for another reason (the morning, a quota) has no failed try.
WAKE = f"""
update {QUEUE} set execute_after = now(), updated = now()
where id in (
    select id from {QUEUE} where status = 'queued' and attempts > 0 and entrypoint = $1 and execute_after > now()
    order by execute_after limit $2 for update skip locked
)
"""
WOKEN = 3  # more than one, so that ten thousand are awake soon; few, so that where two of three fail nobody is hurried through its tries


class LeasedQueries(Queries):
    """What a QueueManager asks of the database. `leases` are those of this process's jobs, by id."""

    def __init__(self, driver: Any, **builders: Any) -> None:
        super().__init__(driver, **builders)
        self.leases: dict[int, Lease] = {}

    async def dequeue(
        self, batch_size: int, entrypoints: dict[Any, Any], queue_manager_id: Any, global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Takes what is due, and what a worker left behind, as far as there is room."""
        rows = await self.driver.fetch(
            TAKE, batch_size, global_concurrency_limit or batch_size, queue_manager_id, list(entrypoints), heartbeat_timeout,
            list(self.leases),
        )
        for row in rows:
            lease = Lease(int(str(row["id"])), int(str(row["lease"])), queue_manager_id, int(str(row["crashes"])))
            self.leases[lease.job] = lease
        return [Job.model_validate(row) for row in rows]

    async def log_jobs(self, job_status: list[tuple[Job, Any, TracebackRecord | None]]) -> None:
        """Ends runs. Of a failure its kind is kept, never its text, which may hold personal data."""
        told = [(self.leases[int(job.id)], str(outcome), _reason(record)) for job, outcome, record in job_status]
        if told:
            ids, numbers = [lease.job for lease, _, _ in told], [lease.number for lease, _, _ in told]
            outcomes, reasons = [outcome for _, outcome, _ in told], [reason for _, _, reason in told]
            await self.driver.execute(END, ids, numbers, outcomes, reasons, told[0][0].worker)
        self._let_go([lease for lease, _, _ in told])

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        lease = self.leases[int(job.id)]
        await self.driver.execute(
            AGAIN, lease.job, lease.number, lease.worker, delay, int(lease.counted), _reason(traceback_record)
        )
        self._let_go([lease])

    async def update_heartbeat(self, job_ids: list[Any]) -> None:
        held = [self.leases[job] for job in set(map(int, job_ids)) if job in self.leases]
        if held:
            await self.driver.execute(ALIVE, [lease.job for lease in held], [lease.number for lease in held], held[0].worker)

    async def wake(self, name: str) -> None:
        """One that had failed before has succeeded: others of its name, which may rest for an hour yet, are tried now."""
        await self.driver.execute(WAKE, name, WOKEN)

    def _let_go(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            if self.leases.get(lease.job) is lease:
                del self.leases[lease.job]


def _reason(record: TracebackRecord | None) -> str | None:
    """The name of the exception; a retry says it in its own words, which the runner has made of the name alone."""
    if record is None:
        return None
    told = (record.additional_context or {}).get("reason")
    return str(told or record.exception_type)[:REASON_LIMIT]
