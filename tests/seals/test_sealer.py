"""The sealer with real commits, in a database of its own: many writers, two sealers, late commits, ends in the middle, rows of before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import clock
from app.audit import service as audit_service
from app.db import migrate
from app.db import session as db_session
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.parts import session_info
from app.seals import queries, service
from app.seals.rows import Kind
from app.seals.sealer import Sealer
from app.seals.verifying import verify
from app.settings import Settings
from tests.conftest import migrated_database

COUNTS = sa.text("""
select (select count(*) from audit_event) as events, (select count(*) from seal_link) as links,
       (select count(distinct row_id) from seal_link) as rows, (select coalesce(sum(rows), 0) from seal_block) as in_blocks,
       (select count(*) from seal_block) as blocks, (select count(*) from seal_pending) as pending""")

WAITING = "select exists (select from pg_locks l join pg_stat_activity a using (pid) where not granted and a.datname = current_database())"


@pytest.fixture(scope="module")
async def address(worker_id: str) -> str:
    return await migrated_database(f"xinxin_seals_{worker_id}")


@pytest.fixture
async def own(address: str, settings: Settings) -> AsyncIterator[Database]:
    """As the application."""
    made = db_session.connect(address, info=session_info(settings), pool_size=6)
    yield made
    await made.close()


@pytest.fixture
async def owner(address: str) -> AsyncIterator["asyncpg.Connection"]:
    """As whoever made the tables."""
    connection = await asyncpg.connect(address)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
async def afresh(owner: "asyncpg.Connection") -> None:
    await owner.execute("set session_replication_role = replica")
    for table in ("audit_event", "seal_pending", "seal_link", "seal_block", "seal_backlog"):
        await owner.execute(f"delete from {table}")
    await owner.execute("reset session_replication_role")


def event(session: AsyncSession, **facts: object) -> None:
    audit_service.record(session, "tests.event", object_kind="test", object_id=new_id(), **facts)


async def write(database: Database, *, times: int, rows: int = 3) -> None:
    for time in range(times):
        async with database.transaction() as session:
            for row in range(rows):
                event(session, time=time, row=row)


async def counts(database: Database) -> sa.Row:
    async with database.reader() as session:
        return (await session.exec(COUNTS)).one()


async def expect_sealed(database: Database, events: int) -> None:
    found = await counts(database)
    assert (found.events, found.links, found.rows, found.in_blocks, found.pending) == (events, events, events, events, 0)
    verdict = await verify(database, lanes=2)
    assert verdict.clean, list(verdict.findings())


async def seal(database: Database, **options: int) -> service.Step:
    async with database.transaction() as session:
        assert await service.take_lease(session)
        return await service.seal(session, **options)


async def test_two_sealers_among_writers_seal_each_row_once(own: Database) -> None:
    sealers, done = [Sealer(own), Sealer(own)], asyncio.Event()

    async def turn(sealer: Sealer) -> None:
        while not done.is_set():
            await sealer.turn()

    turning = [asyncio.create_task(turn(sealer)) for sealer in sealers]
    await asyncio.gather(*(write(own, times=40) for _ in range(4)))
    done.set()
    await asyncio.gather(*turning)
    await sealers[0].turn()
    assert all(sealer.failures == 0 for sealer in sealers)
    await expect_sealed(own, 4 * 40 * 3)


async def test_only_one_has_the_lease_and_a_lost_connection_gives_it_back(own: Database, owner: "asyncpg.Connection") -> None:
    """A process that was stopped with the lease in its hand cannot go on once its connection is gone, and what it did is undone."""
    await write(own, times=2)
    async with own.session() as held:
        assert await service.take_lease(held)
        step = await service.seal(held)
        assert step.head is not None and step.seen == 6
        async with own.transaction() as other:
            assert not await service.take_lease(other)
        pid = (await held.exec(sa.text("select pg_backend_pid()"))).scalar_one()
        await owner.execute("select pg_terminate_backend($1, 5000)", pid)
        found = await counts(own)
        assert (found.pending, found.links, found.blocks) == (6, 0, 0)
        step = await seal(own)
        assert step.head is not None and step.head.number == 1
        with pytest.raises(DBAPIError):
            await held.commit() if (await held.exec(sa.text("select 1"))) else None
        await held.invalidate()
    await expect_sealed(own, 6)


async def test_without_the_lease_two_sealers_cannot_fork_the_chain(own: Database, owner: "asyncpg.Connection") -> None:
    """The known-bad variant of the lease: the second has read the same head, and its block's number is taken."""
    await write(own, times=1, rows=2)

    async def second() -> None:
        async with own.transaction() as session:
            await service.seal(session, batch=2)

    async with own.session() as first:
        await service.seal(first, batch=1)
        late = asyncio.create_task(second())
        while not await owner.fetchval(WAITING):
            pass
        await first.commit()
    with pytest.raises(IntegrityError, match="pk_seal_block"):
        await late
    await seal(own)
    await expect_sealed(own, 2)


async def test_what_commits_late_is_sealed_later(own: Database) -> None:
    """Its ids, and its notes, are older than those of what was sealed meanwhile."""
    async with own.session() as late:
        event(late, late=True)
        await late.flush()
        await write(own, times=2)
        step = await seal(own)
        assert step.seen == 6
        verdict = await verify(own)
        assert verdict.clean and (verdict.links, verdict.waiting) == (6, 0), "what is not committed is not missed"
        await late.commit()
    verdict = await verify(own)
    assert verdict.clean and verdict.waiting == 1
    assert (await seal(own)).seen == 1
    await expect_sealed(own, 7)


async def test_what_is_rolled_back_is_not_sealed(own: Database) -> None:
    async with own.session() as session:
        event(session)
        await session.flush()
        await session.rollback()
    assert (await seal(own)).seen == 0
    await expect_sealed(own, 0)


async def test_batches_make_blocks_of_their_own(own: Database) -> None:
    await write(own, times=3, rows=7)
    assert [(await seal(own, batch=8)).seen for _ in range(4)] == [8, 8, 5, 0]
    await expect_sealed(own, 21)
    assert (await counts(own)).blocks == 3


async def test_copied_rows_are_noted(own: Database, owner: "asyncpg.Connection") -> None:
    """And those of a statement of many rows, once; those that a conflict kept out are not."""
    columns = ("id", "created_at", "actor_kind", "action", "object_kind", "outcome", "facts")
    rows = [(new_id(), clock.now(), "job", "tests.copied", "test", "ok", "{}") for _ in range(50)]
    await owner.copy_records_to_table("audit_event", columns=columns, records=rows)
    again = "insert into audit_event (id, actor_kind, action, object_kind, outcome, facts) values ($1, 'job', 'a', 'b', 'ok', '{}')"
    await owner.execute(f"{again} on conflict do nothing", rows[0][0])
    assert await owner.fetchval("select count(*) from seal_pending") == 50
    await seal(own)
    await expect_sealed(own, 50)


async def past_the_triggers(owner: "asyncpg.Connection", ids: list[UUID]) -> None:
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.copy_records_to_table(
            "audit_event", columns=("id", "created_at", "actor_kind", "action", "object_kind", "outcome", "facts"),
            records=[(one, clock.now() - timedelta(days=1), "job", "tests.old", "test", "ok", "{}") for one in ids],
        )


async def test_rows_from_before_are_caught_up_with(own: Database, owner: "asyncpg.Connection") -> None:
    """In batches, beside new rows; a check says that it is not done yet. Once it is done nothing is taken in that way."""
    old = sorted(new_id() for _ in range(25))
    await past_the_triggers(owner, old)
    async with own.transaction() as session:
        await service.reopen(session)
    await write(own, times=1)
    seen = []
    for _ in range(8):
        verdict = await verify(own)
        assert verdict.clean and verdict.before == (len(seen) < 6), list(verdict.findings())
        async with own.transaction() as session:
            seen.append((await service.catch_up(session, batch=10)).seen)
    assert seen == [0, 0, 0, 10, 10, 5, 0, 0]
    await seal(own)
    await expect_sealed(own, 28)
    await past_the_triggers(owner, [new_id()])
    assert (await seal(own)).seen == 0
    async with own.transaction() as session:
        assert (await service.catch_up(session)).seen == 0
    assert not (await verify(own)).clean


async def test_looking_through_all_again_changes_nothing(own: Database) -> None:
    await write(own, times=2)
    await seal(own)
    before = await counts(own)
    async with own.transaction() as session:
        await service.reopen(session)
        await service.seal_all(session)
    assert await counts(own) == before


async def test_the_loop_catches_up_and_then_rests(own: Database, owner: "asyncpg.Connection") -> None:
    await past_the_triggers(owner, [new_id() for _ in range(3)])
    async with own.transaction() as session:
        await service.reopen(session)
    sealer = Sealer(own)
    pauses = []
    for _ in range(5):
        await write(own, times=1)
        pauses.append(await sealer.turn())
    assert all(0 < pause < 1 for pause in pauses[:4]) and pauses[4] == 1, "new rows do not keep old ones from their turn"
    await expect_sealed(own, 3 + 5 * 3)


async def test_a_noted_row_that_is_gone_is_told(own: Database, owner: "asyncpg.Connection") -> None:
    """Removed before it was sealed: the note is what is left of it."""
    await write(own, times=1, rows=2)
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        gone = await owner.fetchval("delete from audit_event where id = (select min(id::text)::uuid from audit_event) returning id")
    await seal(own)
    verdict = await verify(own)
    assert verdict.first is not None and (verdict.first.wrong, verdict.first.row_id) == ("deleted", gone)


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def test_a_migration_leaves_old_rows_to_the_sealer(worker_id: str, settings: Settings) -> None:
    """Down and up again, with rows of the time between."""
    url = await migrated_database(f"xinxin_seals_old_{worker_id}")
    owner = db_session.connect(url, info=session_info(settings), pool_size=1, role=None, statement_timeout_ms=60_000)
    async with owner.engine.begin() as connection:
        await connection.run_sync(to("0033", down=True))
    await write(owner, times=2)
    async with owner.engine.begin() as connection:
        await connection.run_sync(to("0034"))
    app = db_session.connect(url, info=session_info(settings), pool_size=2)
    async with app.reader() as session:
        assert await queries.backlog(session) == {Kind.EVENT: None}
    await write(app, times=1)
    async with app.transaction() as session:
        await service.seal_all(session)
    await expect_sealed(app, 9)
    await app.close()
    await owner.close()


@pytest.mark.check("S44", part=True)
async def test_the_application_cannot_change_the_chain(own: Database) -> None:
    await write(own, times=1)
    await seal(own)
    changes = ("update {0} set {1} = {1}", "delete from {0}", "truncate {0}")
    for statement in [change.format(*of) for of in (("seal_link", "position"), ("seal_block", "rows")) for change in changes]:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with own.transaction() as session:
                await session.exec(sa.text(statement))
    await expect_sealed(own, 3)
