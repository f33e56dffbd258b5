"""Whatever job fails, however it fails: of it the log has the kind and the place, and no word that it held."""

import pytest

import app.handlers  # noqa: F401 - fills the registry
from app.jobs import service as jobs_service
from app.jobs.registry import HANDLERS
from app.jobs.workflow import TRIES
from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, until
from tests.faults.queue_workers import WORDS, Workers

UNTRIED = "select count(*) from jobs.pgqueuer where status = 'picked' or status = 'queued' and attempts in (0, :tries)"


@pytest.mark.check("S14", part=True)
async def test_no_word_of_a_failed_job_is_logged_or_kept(queue: Queue, workers: Workers) -> None:
    """Every kind of job of the product twice: one that is tried again, and one whose last try it was."""
    names = [*HANDLERS, "tests.leaky"]
    async with queue.database.transaction() as session:
        for name in names * 2:
            await jobs_service.enqueue(session, name, {})
    last = "update jobs.pgqueuer set attempts = :tries where id in (select max(id) from jobs.pgqueuer group by entrypoint)"
    await queue.do(last, tries=TRIES - 1)
    workers.start(queue_workers.all_leak)

    async def all_have_failed() -> bool:
        return await queue.number(UNTRIED, tries=TRIES - 1) == 0

    await until(all_have_failed, "each has failed")
    said = workers.said()
    assert not [name for name in names if f'"job": "{name}"' not in said], "each kind was seen to fail"
    assert said.count('"job.dead"') >= len(HANDLERS) and '"RuntimeError"' in said and '"KeyError"' in said
    kept = str(await queue.ask("select traceback::text, entrypoint from jobs.pgqueuer_log"))
    assert not [word for word in WORDS.values() if word in said + kept]
