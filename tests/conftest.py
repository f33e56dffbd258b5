"""One PostgreSQL server for the run, one database per worker built by the migrations, one rolled-back transaction per test.

The production unit of work runs in every test: it only lands on savepoints of the test's connection instead of on commits.
"""

import asyncio
import base64
import gc
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
import uvloop
from fastapi import FastAPI
from hypothesis import settings as effort
from sqlalchemy.ext.asyncio import AsyncConnection

import app.handlers
import app.tables  # noqa: F401 - handlers fill the registry, tables the metadata
from app import ports
from app.db import acting, migrate
from app.db import session as db_session
from app.db.embedded import throwaway
from app.db.lines import listening
from app.db.session import AsyncSession, Database
from app.jobs.registry import HANDLERS, PERIODIC, Context
from app.main import create_app
from app.parts import session_info
from app.settings import Settings
from app.storage.store import ObjectStore, open_store
from app.wechat.client import WeChatClient
from app.wechat.store import DatabaseTokenStore
from tests.support import migration_log
from tests.support.county import County, make_county
from tests.support.people import People
from tests.support.queue import queued as queued_jobs
from tests.support.savepoints import OneConnection, say, served_over
from tests.support.service import end_shared
from tests.support.sharing import Sharing, service_of
from tests.support.simulator import RunningSimulator, running_simulator

pytest_plugins = ["tests.trust.plugin"]
SERVER = "XINXIN_TEST_SERVER"
TEMPLATE = "XINXIN_TEST_TEMPLATE"
TEMPLATE_LOCK = 7_236_401_220_261_129  # any number that nothing else uses
MEMORY, ROOM = Path("/dev/shm"), 6 << 30  # a database is 1,500 files, and making those on a disk is nine tenths of what a copy of it costs
LONG = {"faults", "journeys", "races", "robustness", "rotation"}
stack = ExitStack()
effort.register_profile("long", max_examples=1_000, deadline=None)  # what takes minutes looks whether it was asked for by this name


def pytest_configure(config: pytest.Config) -> None:
    """The controller owns the server: a worker that ends first would stop it under the others."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # as in the service's own processes
    if hasattr(config, "workerinput"):
        return
    for name in [name for name in os.environ if name.startswith("XINXIN_") and name != SERVER]:
        del os.environ[name]
    if SERVER not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="xinxin-test-", dir=MEMORY if roomy(MEMORY) else None))
        folder.chmod(0o711)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        os.environ[SERVER] = stack.enter_context(throwaway(folder))
    os.environ[TEMPLATE] = f"xinxin_template_{os.getpid()}"
    stack.callback(lambda: migration_log.place().unlink(missing_ok=True))


def roomy(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free > ROOM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts servers goes first: otherwise one process ends with it alone while the other has nothing left to do."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(tests).parts[0] not in LONG)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    return Sharing(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A process of the suite knows of itself how it is given its tests."""
    node.workerinput["sharing"] = node.config.getvalue("dist") == "loadfile"


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What shares a service comes in one go: it ends with that, or it would work for nobody to the end of the run."""
    name = service_of(item.nodeid)
    if name and getattr(item.config, "workerinput", {}).get("sharing") and (nextitem is None or service_of(nextitem.nodeid) != name):
        end_shared(name)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector walks through it once more, and then only through what tests make."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stack.close()


async def new_database(name: str, *, template: str = "template0") -> str:
    """An empty database of this name on the test server, or a copy of one that nobody is connected to; its address."""
    server = os.environ[SERVER]
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'drop database if exists "{name}" with (force)')
        await connection.execute(f'create database "{name}" template "{template}" strategy file_copy')
    finally:
        await connection.close()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


async def migrated_database(name: str) -> str:
    """One of the present schema, made by its owner: a copy of one that whoever came first has taken through the migrations; its address."""
    connection = await asyncpg.connect(os.environ[SERVER])
    try:
        await connection.execute("select pg_advisory_lock($1)", TEMPLATE_LOCK)
        kept = {row["datname"] for row in await connection.fetch("select datname from pg_database where datname like 'xinxin_template_%'")}
        if os.environ[TEMPLATE] not in kept:
            for old in kept:  # of an earlier run on a server that outlives its runs
                await connection.execute(f'drop database "{old}" with (force)')
            await _template()
        return await new_database(name, template=os.environ[TEMPLATE])
    finally:
        await connection.close()


async def _template() -> None:
    """It has its name only when it is complete."""
    made = db_session.connect(await new_database("xinxin_becoming"), info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    with migration_log.noting(made.engine.sync_engine):
        async with made.engine.begin() as connection:
            await connection.run_sync(migrate.upgrade_over)
    await made.close()
    connection = await asyncpg.connect(os.environ[SERVER])
    try:
        await connection.execute(f'alter database "xinxin_becoming" rename to "{os.environ[TEMPLATE]}"')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def database_url(worker_id: str) -> str:
    return await migrated_database(f"xinxin_{worker_id}")


def random_key(name: str) -> str:
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running_simulator() as running:
        yield running


@pytest.fixture(scope="session")
def settings(database_url: str, simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        database_url=database_url, data_dir=tmp_path_factory.mktemp("data"), secret_keys=random_key("s1"), field_keys=random_key("f1"),
        wechat_appid=simulator.appid, wechat_secret=simulator.secret, wechat_base_url=simulator.url, public_base_url="http://test",
        wechat_push_token="pushtoken", metrics_token="metrics-token-for-tests", demo=False,
    )


@pytest.fixture(scope="session")
async def committed(settings: Settings) -> AsyncIterator[Database]:
    """Real commits, for what tests of one transaction cannot show. Use rows of your own and leave none that others may count."""
    database = db_session.connect(str(settings.database_url), info=session_info(settings), pool_size=2)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def application(settings: Settings) -> FastAPI:
    ports.connect()
    return create_app(settings)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The application's OpenAPI document, which takes seconds to make: as it is committed, and tests/architecture/test_api.py says that
    it is what the code says. Change nothing in it."""
    return dict(json.loads((Path(__file__).parents[1] / "openapi" / "openapi.json").read_text()))


@pytest.fixture(scope="session")
async def wechat(settings: Settings, committed: Database) -> AsyncIterator[WeChatClient]:
    client = WeChatClient(
        str(settings.wechat_base_url), settings.wechat_appid, settings.wechat_secret, token_store=DatabaseTokenStore(committed)
    )
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
async def store(settings: Settings) -> AsyncIterator[ObjectStore]:
    opened = open_store(settings.object_store_url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def connection(committed: Database) -> AsyncIterator[AsyncConnection]:
    async with committed.engine.connect() as connection:
        transaction = await connection.begin()
        await connection.exec_driver_sql("select 1")  # only now it has begun at the server, and what is said next ends with it
        # What an AUTOCOMMIT session of an earlier test said lasts; this test's own words end with its transaction.
        said = connection.info.pop(acting.INFO, None)
        await say(connection, acting.SERVICE)
        yield connection
        await transaction.rollback()
        if said is not None:
            connection.info[acting.INFO] = said


@pytest.fixture
def database(connection: AsyncConnection, settings: Settings) -> OneConnection:
    return OneConnection(connection, session_info(settings))


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        yield session


@pytest.fixture
async def client(
    application: FastAPI, database: OneConnection, wechat: WeChatClient, store: ObjectStore
) -> AsyncIterator[httpx.AsyncClient]:
    application.state.wechat, application.state.store = wechat, store
    async with httpx.AsyncClient(transport=served_over(application, database), base_url="http://test") as client:
        yield client


@pytest.fixture
def people(session: AsyncSession, settings: Settings) -> People:
    return People(session, settings)


@pytest.fixture
async def county(session: AsyncSession) -> County:
    return await make_county(session)


@pytest.fixture
def run_job(
    database: Database, wechat: WeChatClient, store: ObjectStore, settings: Settings
) -> Callable[..., Awaitable[None]]:
    """Runs the handler of a job, or a periodic job, now."""
    context = Context(database, wechat, store, settings)

    async def run(name: str, payload: dict[str, Any] | None = None) -> None:
        if name in PERIODIC:
            await PERIODIC[name][1](context)
        else:
            await HANDLERS[name](context, payload or {})

    return run


@pytest.fixture
def queued() -> Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]:
    return queued_jobs


@pytest.fixture
def statements(connection: AsyncConnection) -> Iterator[list[str]]:
    """Every statement that the test's connection has executed; clear it to count from here on."""
    executed: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        executed.append(statement)

    sync = connection.sync_connection
    assert sync is not None
    with listening(sync, "before_cursor_execute", note):
        yield executed
