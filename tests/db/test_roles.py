"""The database roles (migration 0027): history stays where no trigger stands in the way, and what else the application may not do.

The list of tables is read from their triggers, so that a new append-only table whose privileges were forgotten is found.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import acting, migrate, roles
from app.db import session as db_session
from app.db.embedded import throwaway
from app.db.session import Database
from tests.support.owner import as_owner

ROOT = Path(__file__).resolve().parents[2]
# An operator's hand stays the owner of the tables.
OWNERS = {"cli.py", "cli_backups.py", "cli_failover.py", "standing.py", "backups", "bench", "generating"}
KEEPER = "xinxin_keeper"
DENIED = "42501"
# History is a table whose rows a trigger guards before they are deleted.
HISTORY = sa.text("""
select distinct c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where not t.tgisinternal and t.tgtype & 2 = 2 and t.tgtype & 8 = 8 and c.relnamespace = 'public'::regnamespace order by 1""")
# Columns of a guarded table that its trigger lets change.
MAY_CHANGE = {
    "consent_text": {"in_force", "sufficient"},
    "store_contract": {"ended_on", "ended_by", "ended_at", "end_reason_id", "version", "bank_account_sealed"},
    "settlement": {
        "status", "confirm_by", "confirmed_at", "confirmed_by_silence", "paid_at", "payment_reference", "pay_by", "version",
    },
    "settlement_correction": {"status", "decided_by", "decided_at", "settlement_id", "version"},
}
MAY_GO = {(KEEPER, "audit_event")}
COLUMNS = sa.text("""
select attname from pg_attribute where attrelid = to_regclass(:table) and attnum > 0 and not attisdropped
   and has_column_privilege(:role, attrelid, attnum, 'UPDATE')""")


async def history(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(HISTORY)).scalars())


async def too_much(connection: AsyncConnection) -> list[str]:
    """What a role may do to history and should not."""
    found = []
    for table in await history(connection):
        for role in (roles.APP, KEEPER, roles.SERVICE):
            columns = set((await connection.execute(COLUMNS, {"table": table, "role": role})).scalars())
            found += [f"{role} updates {table}.{column}" for column in columns - MAY_CHANGE.get(table, set())]
            asked = sa.text("select has_table_privilege(:role, :table, 'DELETE')")
            if (role, table) not in MAY_GO and await connection.scalar(asked, {"role": role, "table": table}):
                found.append(f"{role} deletes from {table}")
    return found


async def refusal(connection: AsyncConnection, statement: str, *, triggers: bool = True) -> str | None:
    """The SQLSTATE with which the application's own connection hears no; with the triggers off, as only the owner can turn them."""
    try:
        async with connection.begin_nested():
            if not triggers:
                async with as_owner(connection):
                    await connection.execute(sa.text("set local session_replication_role = replica"))
            await connection.execute(sa.text(statement))
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", None))
    return None


def test_every_connection_of_a_process_says_its_role() -> None:
    served = {path: path.read_text() for path in (ROOT / "app").rglob("*.py") if not OWNERS & set(path.parts)}
    opening = {path.name: text for path, text in served.items() if re.search(r"asyncpg\.connect\(|create_async_engine\(", text)}
    assert set(opening) == {"pulse.py", "session.py", "worker.py"}
    assert all("**roles.start_settings(" in text for text in opening.values())
    assert [path for path, text in served.items() if "role=None" in text] == []


async def test_history_is_more_than_nothing(connection: AsyncConnection) -> None:
    found = set(await history(connection))
    assert {"report_event", "audit_event", "points_entry", "registration_event", "consent", "verification", "erasure"} <= found


@pytest.mark.check("S44", part=True)
async def test_history_cannot_be_changed_without_triggers_either(connection: AsyncConnection) -> None:
    for table in await history(connection):
        first = sa.text("select attname from pg_attribute where attrelid = to_regclass(:table) and attnum = 1")
        column = await connection.scalar(first, {"table": table})
        for statement in (f"update {table} set {column} = {column}", f"delete from {table}", f"truncate {table} cascade"):
            assert await refusal(connection, statement, triggers=False) == DENIED, statement


async def test_no_role_has_more_than_its_triggers_let_through(connection: AsyncConnection) -> None:
    assert await too_much(connection) == []


@pytest.mark.parametrize(("given", "seen"), [
    ("grant delete on report_event to xinxin_app", ["xinxin_app deletes from report_event", "xinxin_service deletes from report_event"]),
    ("grant update (created_at) on report_event to xinxin_service", ["xinxin_service updates report_event.created_at"]),
    ("grant update (title) on consent_text to xinxin_keeper", ["xinxin_keeper updates consent_text.title"]),
])
@pytest.mark.variant("S44")
async def test_a_right_that_is_given_back_is_seen(connection: AsyncConnection, given: str, seen: list[str]) -> None:
    """The known-bad variant."""
    async with as_owner(connection):
        await connection.execute(sa.text(given))
    assert await too_much(connection) == seen


async def test_a_new_table_of_history_is_not_forgotten(connection: AsyncConnection) -> None:
    """As a migration that took nothing back would leave it: the default privileges are those of any table, and the list finds it."""
    async with as_owner(connection):
        await connection.execute(sa.text("create table later (n int)"))
    assert await refusal(connection, "insert into later values (1)") is None and await too_much(connection) == []
    async with as_owner(connection):
        await connection.execute(sa.text(
            "create trigger tg_later_append_only before update or delete or truncate on later"
            " for each statement execute function refuse_change()"
        ))
    assert set(await too_much(connection)) == {
        f"{role} {act}" for role in (roles.APP, KEEPER, roles.SERVICE) for act in ("updates later.n", "deletes from later")
    }


@pytest.mark.parametrize("statement", [
    "create table mine (n int)", "create table jobs.mine (n int)", "create schema mine", "create role mine",
    "alter table report_event disable trigger all", "drop trigger report_event_keep on report_event", "drop table report_event cascade",
    "create trigger mine before insert on report execute function refuse_change()",
    "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    "set local session_replication_role = replica",
    "update alembic_version set version_num = '0001'", "truncate report cascade", "truncate jobs.pgqueuer",
])
async def test_the_application_cannot(connection: AsyncConnection, statement: str) -> None:
    assert await refusal(connection, statement) == DENIED
    undone = await connection.begin_nested()
    async with as_owner(connection):
        await connection.execute(sa.text(statement))  # the statement itself is sound
    await undone.rollback()


@pytest.mark.parametrize("role", [roles.APP, KEEPER, roles.SERVICE])
async def test_a_role_owns_nothing_and_passes_no_wall(connection: AsyncConnection, role: str) -> None:
    asked = sa.text("""
        select rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
               or exists (select from pg_class where relowner = r.oid) or exists (select from pg_proc where proowner = r.oid)
               or exists (select from pg_namespace where nspowner = r.oid)
               or exists (select from pg_auth_members as held where member = r.oid and (r.rolname, held.roleid::regrole::text)
                          <> ('xinxin_service', 'xinxin_app'))
          from pg_roles r where rolname = :role""")
    assert await connection.scalar(asked, {"role": role}) is False


async def test_no_function_lends_the_owners_power(connection: AsyncConnection) -> None:
    lending = "select proname from pg_proc where prosecdef and pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)"
    assert (await connection.execute(sa.text(lending))).all() == []


async def test_every_other_table_can_be_worked_with(connection: AsyncConnection) -> None:
    asked = sa.text("""
        select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p') and c.relname <> 'alembic_version'
           and c.relnamespace in ('public'::regnamespace, 'jobs'::regnamespace)
           and not (has_table_privilege('xinxin_app', c.oid, 'SELECT') and has_table_privilege('xinxin_app', c.oid, 'INSERT')
                and has_table_privilege('xinxin_app', c.oid, 'UPDATE') and has_table_privilege('xinxin_app', c.oid, 'DELETE'))""")
    assert set((await connection.execute(asked)).scalars()) == set(await history(connection))


async def test_reset_role_stays_the_application(committed: Database) -> None:
    """What a pooler runs between two users leads to the role that the connection began with."""
    async with committed.engine.connect() as connection:
        await connection.execute(sa.text("set role xinxin_keeper"))
        await connection.execute(sa.text("reset role"))
        assert await connection.scalar(sa.text("select current_user::text")) == roles.SERVICE


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A server of its own: roles belong to the whole of one."""
    with tempfile.TemporaryDirectory(prefix="xinxin-roles-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with throwaway(folder) as address:
            yield address


@pytest.fixture
async def bare(elsewhere: str) -> AsyncIterator[asyncpg.Connection]:
    """That server without our roles, and with a login that may not make any."""
    connection = await asyncpg.connect(elsewhere)
    for name in ("other", "managed"):
        await connection.execute(f"drop database if exists {name} with (force)")
    for role in (roles.APP, KEEPER, roles.SERVICE, "tenant"):
        if await connection.fetchval("select to_regrole($1) is not null", role):
            await connection.execute(f"drop owned by {role}; drop role {role}")
    await connection.execute("create role tenant login")
    await connection.execute("create database managed owner tenant")
    await connection.execute("create database other")
    yield connection
    await connection.close()


def address_of(server: str, database: str, user: str = "postgres") -> str:
    return sa.make_url(server).set(database=database, username=user).render_as_string(hide_password=False)


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def migrated(address: str, *steps: tuple[str, bool]) -> None:
    database = db_session.connect(address, info={}, pool_size=1, statement_timeout_ms=120_000, role=None)
    try:
        for revision, down in steps:
            async with database.engine.begin() as connection:
                await connection.run_sync(to(revision, down=down))
    finally:
        await database.close()


async def test_without_the_role_a_process_does_not_serve(elsewhere: str, bare: asyncpg.Connection) -> None:
    database = db_session.connect(address_of(elsewhere, "other"), info={}, pool_size=1, acting_for=acting.NOBODY)
    with pytest.raises(SystemExit, match="scripts/manage migrate"):
        await roles.require(database.engine)
    await bare.execute("create role xinxin_app")
    await roles.require(database.engine)
    await database.close()
    stranger = db_session.connect(address_of(elsewhere, "other", "tenant"), info={}, pool_size=1)
    with pytest.raises(SystemExit, match="xinxin_app"):
        await roles.require(stranger.engine)
    await stranger.close()


async def test_a_database_that_is_away_is_waited_for() -> None:
    away = db_session.connect("postgresql://postgres@/xinxin?host=/nonexistent&port=5432", info={}, pool_size=1)
    await roles.require(away.engine)
    await away.close()


async def test_a_managed_database_is_asked_for_four_lines(elsewhere: str, bare: asyncpg.Connection) -> None:
    """A login that may not make roles hears which statements to have run; after them the migration goes on, and down and up again."""
    address = address_of(elsewhere, "managed", "tenant")
    with pytest.raises(SystemExit, match="create role xinxin_keeper nologin role tenant") as stopped:
        await migrated(address, ("0027", False))
    lines = [line.strip() for line in str(stopped.value).splitlines() if line.strip().startswith("create role")]
    assert len(lines) == 2
    for line in lines:
        await bare.execute(line)
    await migrated(address, ("0027", False), ("0026", True), ("0027", False))
    with pytest.raises(SystemExit, match="grant set on parameter") as stopped:
        await migrated(address, ("0051", False))
    await bare.execute(str(stopped.value).splitlines()[-1].strip())
    with pytest.raises(SystemExit, match="create role xinxin_service") as stopped:
        await migrated(address, ("0054", False))
    await bare.execute(str(stopped.value).splitlines()[-1].strip())
    await migrated(address, ("0054", False), ("0053", True), ("0054", False))
    database = db_session.connect(address, info={}, pool_size=1)
    async with database.engine.connect() as connection:
        assert await too_much(connection) == []
        assert await connection.scalar(sa.text("select current_user::text")) == roles.SERVICE
        assert await connection.scalar(sa.text("select count(*) from report")) == 0
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(sa.text("delete from report_event"))
    await database.close()


async def test_two_databases_of_one_server_are_migrated_at_once(elsewhere: str, bare: asyncpg.Connection) -> None:
    """Both find no role; the second waits for the first one's. A downgrade leaves nothing that names a role."""
    addresses = [address_of(elsewhere, name) for name in ("other", "managed")]
    await migrated(addresses[0], ("0026", False))
    await bare.execute("drop database managed")
    await bare.execute("create database managed template other")
    first, second = (db_session.connect(address, info={}, pool_size=1, role=None) for address in addresses)
    async with first.engine.begin() as one, second.engine.begin() as other:
        await one.run_sync(to("0027"))
        waiting = asyncio.create_task(other.run_sync(to("0027")))
        await asyncio.wait({waiting}, timeout=0.3)
        assert not waiting.done()
        await one.commit()
        await waiting
        await other.commit()
    for database in (first, second):
        await database.close()
    with pytest.raises(asyncpg.DependentObjectsStillExistError):
        await bare.execute("drop role xinxin_app, xinxin_keeper")
    for address in addresses:
        await migrated(address, ("0026", True))
    await bare.execute("drop role xinxin_app, xinxin_keeper")
