"""Jobs in hand: what is taken first, who may end it, and what a worker that lost it can no longer do."""

import json
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.models import TracebackRecord
from sqlmodel import col

from app import letters
from app.audit.models import AuditEvent
from app.jobs import leases, queries, runner, service
from app.jobs.claims import LeasedQueries
from app.jobs.leases import Lease, LeaseLost
from app.jobs.queue import BUILDER, ENVIRONMENT, SCHEDULES
from app.jobs.registry import Context
from app.jobs.workflow import MOST_CRASHES, TRIES, Priority

NAME = "tests.claim"
LEASE = timedelta(seconds=30)


class SessionDriver:
    """A PgQueuer driver that speaks through the test's session."""

    def __init__(self, session) -> None:
        self._session = session

    async def fetch(self, query: str, *args) -> list[dict]:
        connection = await self._session.connection()
        return [dict(row) for row in (await connection.exec_driver_sql(query, args)).mappings()]

    async def execute(self, query: str, *args) -> str:
        connection = await self._session.connection()
        return str((await connection.exec_driver_sql(query, args)).rowcount)


class Worker:
    """One worker's view of the queue, over the test's own connection."""

    def __init__(self, session) -> None:
        self.id = uuid4()
        self.queries = LeasedQueries(SessionDriver(session), qbe=ENVIRONMENT, qbq=BUILDER, qbs=SCHEDULES)

    async def take(self, batch: int = 10, *, most: int | None = None, names: tuple[str, ...] = (NAME,)) -> list:
        return await self.queries.dequeue(batch, dict.fromkeys(names), self.id, most, LEASE)

    async def end(self, job, outcome: str = "successful") -> None:
        await self.queries.log_jobs([(job, outcome, None)])


@pytest.fixture
def workers(session) -> tuple[Worker, Worker]:
    return Worker(session), Worker(session)


async def put(session, item: str = "a", *, key: str | None = None, priority: Priority = Priority.NORMAL, name: str = NAME) -> None:
    await service.enqueue(session, name, {"item": item}, key=key, priority=priority)


async def silent(session, seconds: int = 60) -> None:
    """Nothing has been heard of any worker for so long."""
    await (await session.connection()).execute(
        sa.text("update jobs.pgqueuer set heartbeat = now() - make_interval(secs => :s)"), {"s": seconds}
    )


async def row(session) -> tuple[str, int, int, int, UUID | None]:
    found = await (await session.connection()).execute(
        sa.text("select status::text, lease, attempts, crashes, queue_manager_id from jobs.pgqueuer order by id limit 1")
    )
    return tuple(found.one())  # type: ignore[return-value]


def items(jobs) -> list[str]:
    return [json.loads(job.payload)["item"] for job in jobs]


async def test_the_urgent_first_and_never_more_than_there_is_room_for(session, workers) -> None:
    first, second = workers
    for item, priority in (("bulk", Priority.BULK), ("n1", Priority.NORMAL), ("n2", Priority.NORMAL), ("urgent", Priority.URGENT)):
        await put(session, item, priority=priority)
    await put(session, "clock", priority=Priority.CLOCK)
    await put(session, "stranger", name="of.another.release", priority=Priority.URGENT)
    assert items(await first.take(2, most=3)) == ["urgent", "clock"]
    assert items(await first.take(2, most=3)) == ["n1"] and await first.take(2, most=3) == []
    assert items(await second.take(10)) == ["n2", "bulk"]


async def test_a_job_left_behind_goes_to_another_and_its_old_worker_can_do_nothing(session, workers) -> None:
    first, second = workers
    await put(session)
    [job] = await first.take()
    assert await second.take() == []
    await silent(session)
    assert await first.take() == [], "a worker does not take its own job from itself"
    [again] = await second.take()
    held = ("picked", 2, 0, 1, second.id)
    assert await row(session) == held
    await first.queries.retry_job(job, timedelta(), None)
    assert await row(session) == held
    await first.queries.update_heartbeat([job.id])
    await silent(session)
    for outcome in ("successful", "failed", "canceled"):
        first.queries.leases[int(job.id)] = Lease(int(job.id), 1, first.id)
        await first.end(job, outcome)
        assert await row(session) == held
    assert not first.queries.leases
    await second.end(again)
    assert await queries.counts(session) == {}


async def test_a_heartbeat_keeps_a_job(session, workers) -> None:
    first, second = workers
    await put(session)
    [job] = await first.take()
    await silent(session)
    await first.queries.update_heartbeat([job.id, 12345])
    assert await second.take() == []


async def test_a_commit_needs_the_lease(session, database, workers) -> None:
    first, second = workers
    await put(session)
    [job] = await first.take()
    old = first.queries.leases[int(job.id)]
    async with leases.under(database, old).transaction() as mine:
        await service.enqueue(mine, "tests.kept", {})
    await silent(session)
    [again] = await second.take()
    with pytest.raises(LeaseLost):
        async with leases.under(database, old).transaction() as lost:
            await service.enqueue(lost, "tests.refused", {})
    async with leases.under(database, second.queries.leases[int(again.id)]).transaction() as good:
        await service.enqueue(good, "tests.kept", {})
    names = [job.name for job in await queries.listed(session, status="queued")]
    assert names == ["tests.kept", "tests.kept"]


async def test_what_a_stop_breaks_off_waits_for_the_next_worker(session, workers) -> None:
    """PgQueuer itself deletes it: a job that runs longer than the grace of a stop was lost by that."""
    first, second = workers
    await put(session)
    [job] = await first.take()
    await first.end(job, "canceled")
    assert (await row(session))[:4] == ("queued", 1, 0, 0)
    assert items(await second.take()) == ["a"]


async def test_tries_are_counted_unless_the_end_of_the_hindrance_is_known(session, workers) -> None:
    first, _ = workers
    await put(session)
    for counted, tries in ((True, 1), (False, 1), (True, 2)):
        [job] = await first.take()
        first.queries.leases[int(job.id)].counted = counted
        await first.queries.retry_job(job, timedelta(), None)
        assert (await row(session))[2] == tries


async def test_what_worker_after_worker_was_lost_over_is_not_tried_by_another(session, database, settings, workers) -> None:
    first, _ = workers
    await put(session)
    [job] = await first.take()
    ran: list[int] = []

    async def work(_context: Context, taken) -> None:
        ran.append(taken.id)

    context = Context(database, None, None, settings)
    first.queries.leases[int(job.id)].crashes = MOST_CRASHES - 1
    await runner._run(first.queries, context, work, job)
    first.queries.leases[int(job.id)].crashes = MOST_CRASHES
    with pytest.raises(runner.KillsWorkers):
        await runner._run(first.queries, context, work, job)
    assert ran == [job.id]


async def test_a_failure_asks_for_another_try_and_what_comes_by_itself_is_left_to_the_clock(session, database, settings, workers) -> None:
    first, _ = workers
    await put(session)
    [job] = await first.take()

    async def broken(_context: Context) -> None:
        raise KeyError("13800138000")

    context = Context(database, None, None, settings)
    by_clock = partial(runner._periodical, broken)
    with pytest.raises(RetryRequested) as wish:
        await runner._run(first.queries, context, by_clock, job)
    assert wish.value.reason == "KeyError" and "138" not in str(wish.value)
    await runner._run(first.queries, context, by_clock, job.model_copy(update={"attempts": TRIES - 1}))

    async def handler(context: Context, _payload) -> None:
        await broken(context)

    with pytest.raises(KeyError):
        await runner._run(first.queries, context, partial(runner._handled, handler), job.model_copy(update={"attempts": TRIES - 1}))
    await first.queries.log_jobs([(job, "failed", TracebackRecord.from_exception(KeyError("13800138000"), job.id))])
    [queued, failed] = await queries.history(session, job_id=int(job.id))
    assert (queued.status, failed.status, failed.reason) == ("queued", "failed", "KeyError")


async def dead(session, worker: Worker, count: int, *, keys: tuple[str | None, ...] = (None,)) -> list[int]:
    for number in range(count):
        await put(session, str(number), key=keys[number % len(keys)])
        [job] = await worker.take()
        await worker.end(job, "failed")
    return [job.id for job in await queries.listed(session, status="failed")]


async def test_dead_letters_are_played_again_or_dropped_and_it_stands_in_the_trail(session, workers) -> None:
    first, _ = workers
    one, two, three = await dead(session, first, 3)
    with pytest.raises(letters.NothingChosen):
        await letters.retry(session)
    assert await letters.retry(session, ids=[one, 999_999_999]) == [one]
    assert await letters.drop(session, ids=[two]) == [two]
    assert await letters.retry(session, name="tests.other") == [] and await letters.retry(session, name=NAME) == [three]
    assert items(await first.take()) == ["0", "2"]
    told = await session.exec(sa.select(col(AuditEvent.action), col(AuditEvent.facts)).order_by(col(AuditEvent.id).desc()).limit(3))
    assert [(action, facts["jobs"], facts["count"]) for action, facts in told] == [
        ("jobs.retry", [three], 1), ("jobs.drop", [two], 1), ("jobs.retry", [one], 1),
    ]


async def test_of_dead_letters_under_one_key_one_comes_back(session, workers) -> None:
    """The key is unique among what waits and runs: all at once would be refused, and none would come back."""
    first, _ = workers
    one, _, _ = await dead(session, first, 3, keys=("k",))
    assert await letters.retry(session, everything=True) == [one]
    assert await letters.retry(session, everything=True) == [], "one with that key waits"
    [job] = await first.take()
    await first.end(job)
    assert len(await letters.retry(session, everything=True)) == 1


async def test_figures_name_what_waits_runs_and_is_dead(session, client, workers) -> None:
    first, _ = workers
    await dead(session, first, 1)
    await put(session, "running")
    await first.take()
    await put(session, "late", priority=Priority.BULK)
    await put(session, "soon")
    await service.enqueue(session, NAME, {}, delay=timedelta(hours=1), priority=Priority.URGENT)
    await (await session.connection()).execute(
        sa.text("update jobs.pgqueuer set execute_after = now() - interval '90 seconds', priority = -7 where priority = -10")
    )
    told = await queries.measured(session)
    assert {name.removeprefix("xinxin_jobs_"): value for name, value in told.items()} == {
        'oldest_due_seconds{priority="urgent"}': 0.0, 'oldest_due_seconds{priority="clock"}': 0.0,
        'oldest_due_seconds{priority="normal"}': 0.0, 'oldest_due_seconds{priority="bulk"}': 90.0,
        'queued{priority="urgent"}': 1.0, 'queued{priority="clock"}': 0.0, 'queued{priority="normal"}': 1.0, 'queued{priority="bulk"}': 1.0,
        "due": 2.0, "waiting": 3.0, "retrying": 0.0, "running": 1.0, "dead": 1.0,
    }
    shown = await client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"})
    lines = shown.text.splitlines()
    assert lines.count("# TYPE xinxin_jobs_oldest_due_seconds gauge") == 1
    assert 'xinxin_jobs_oldest_due_seconds{priority="bulk"} 90.0' in lines and "xinxin_jobs_dead 1.0" in lines


async def resting(session, item: str, *, tries: int = 3, seconds: int = 600, name: str = NAME) -> None:
    """A job that has failed, or (`tries` 0) waits for its time."""
    await put(session, item, name=name)
    await (await session.connection()).execute(
        sa.text(
            "update jobs.pgqueuer set attempts = :tries, execute_after = now() + make_interval(secs => :s)"
            " where convert_from(payload, 'UTF8')::json->>'item' = :item"
        ),
        {"tries": tries, "s": seconds, "item": item},
    )


async def due(session) -> dict[str, int]:
    """What may be taken, and how often it has failed."""
    found = await (await session.connection()).execute(
        sa.text("select convert_from(payload, 'UTF8')::json->>'item', attempts from jobs.pgqueuer where execute_after <= now()")
    )
    return {row[0]: row[1] for row in found.all()}


async def test_who_succeeds_after_a_failure_wakes_the_next_of_its_kind(session, workers) -> None:
    worker, _ = workers
    context = Context(None, None, None, None)  # type: ignore[arg-type]

    async def works(context: Context, job) -> None:
        return None

    for number in range(5):
        await resting(session, f"r{number}", seconds=600 + number)
    await resting(session, "morning", tries=0, seconds=300)
    await resting(session, "stranger", seconds=60, name="tests.other")
    await put(session, "fresh")
    [fresh] = await worker.take()
    database = type("Plain", (), {"carrying": lambda self, **info: self})()
    await runner._run(worker.queries, runner.replace(context, database=database), works, fresh)
    assert await due(session) == {"fresh": 0}, "what had never failed proves nothing"
    fresh.attempts = 1
    await runner._run(worker.queries, runner.replace(context, database=database), works, fresh)
    assert await due(session) == {"fresh": 0, "r0": 3, "r1": 3, "r2": 3}


async def test_every_minute_one_of_each_kind_that_rests_is_tried_for_nothing(session) -> None:
    for item, tries, seconds in (("long", 9, 900), ("longer", 9, 1_800), ("soon", 9, 5), ("morning", 0, 900)):
        await resting(session, item, tries=tries, seconds=seconds)
    await resting(session, "once", tries=1, name="tests.other")
    await service.scout(session)
    assert await due(session) == {"long": 8, "once": 0}


async def test_a_scout_that_fails_comes_again_when_it_would_have_come_and_as_often(session, workers) -> None:
    worker, _ = workers
    await resting(session, "a", tries=9, seconds=1_800)
    when = sa.text("select round(extract(epoch from execute_after - now())), attempts, headers from jobs.pgqueuer")
    for _ in range(3):
        await service.scout(session)
        [job] = await worker.take()
        assert job.headers and job.attempts == 8
        failed = TracebackRecord.from_exception(exc=KeyError("a"), job_id=job.id)
        await worker.queries.retry_job(job, timedelta(seconds=5), failed)
        assert tuple((await (await session.connection()).execute(when)).one()) == (1_800, 9, {})
