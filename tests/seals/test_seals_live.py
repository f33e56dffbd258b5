"""The running service: its worker seals, and the operator's command tells what somebody changed in its database."""

import time

import asyncpg

from tests.support.service import Service, service

__all__ = ["service"]
PATIENCE_SECONDS = 30.0  # two busy cores; alone it takes one
NOTE = """
insert into audit_event (id, actor_kind, action, object_kind, outcome, facts)
values (gen_random_uuid(), 'job', 'tests.live', 'test', 'ok', '{}')"""


async def test_the_worker_seals_and_the_command_proves(service: Service) -> None:
    owner = await asyncpg.connect(service.database_url)
    made = await owner.fetchval(f"{NOTE} returning id")
    until, block = time.monotonic() + PATIENCE_SECONDS, None
    while block is None:
        assert time.monotonic() < until, "the worker does not seal"
        block = await owner.fetchval("select block from seal_link where row_id = $1", made)
    sound = service.manage("audit-verify")
    assert sound.returncode == 0 and "封存完好" in sound.stdout, sound.stdout
    anchored = [path.name for path in (service.data / "objects" / "anchors").rglob("*-verified.json")]
    assert anchored, "what is sound and whole is signed"
    try:
        await set_outcome(owner, made, "denied")
        found = service.manage("audit-verify", "--since-block", str(block))
        assert found.returncode == 1, found.stdout
        assert found.stdout.startswith(f"首处 / first: audit_event {made}, block {block}: ")
    finally:
        await set_outcome(owner, made, "ok")
        await owner.close()
    again = service.manage("audit-verify")
    assert again.returncode == 0, again.stdout


async def set_outcome(owner: "asyncpg.Connection", event: object, outcome: str) -> None:
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute("update audit_event set outcome = $2 where id = $1", event, outcome)
