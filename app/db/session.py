"""Engines and sessions: one transaction per request or job, an AUTOCOMMIT session for what only reads."""

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction

from app.db import acting, addresses, commits, failures, pooling, roles
from app.db.acting import Acting
from app.db.lines import LINE, AsyncSession, Line, Reader, close_line, open_line
from app.errors import RequestInProgress

__all__ = ["AsyncSession", "Database", "connect", "exclusive_name"]

# More than the service has: with the default of 100 each was prepared again and again, a round trip each time.
STATEMENTS = 500
CLOSE_SECONDS = 2.0


class Database:
    """Both session factories over one pool.

    `session()` is the unit of work: whoever opens it decides when it commits. `reader()` runs in AUTOCOMMIT: each statement sees what
    is committed, without the two round trips of BEGIN and ROLLBACK; it must not write.
    Every session carries `info` (the key ring under "keys"), so that services need no globals. `acting_for` says for whom, unless a session
    is told otherwise: what each connection says as it starts.
    """

    def __init__(self, engine: AsyncEngine, info: dict[str, Any], acting_for: Acting = acting.SERVICE) -> None:
        self.engine = engine
        self._info = {**info, acting.DEFAULT: acting_for}
        self._session = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
        self._reading = engine.sync_engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def halted(self) -> bool:
        """Whether commits stand still, because a standby that has to confirm them is gone."""
        halt = commits.halt_of(self.engine)
        return halt is not None and halt.on

    @property
    def info(self) -> Mapping[str, Any]:
        return self._info

    def carrying(self, **info: Any) -> Self:
        """The same pool; its sessions carry this besides."""
        other = copy.copy(self)
        other._info = {**self._info, **info}
        return other

    def session(self, **info: Any) -> AsyncSession:
        return self._session(info={**self._info, **info})

    def reader(self) -> AsyncSession:
        return Reader(self._reading, {**self._info, acting.LASTING: True}, acting.entered)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One unit of work outside a request: commits at the end, rolls back on any exception."""
        async with self.session() as session:
            yield session
            await session.commit()

    @asynccontextmanager
    async def snapshot(self, connections: int = 1) -> AsyncIterator[list[AsyncConnection]]:
        """So many connections that all read the database as it is at this moment, and write nothing: work can be shared out among them."""
        async with AsyncExitStack() as stack:
            opened: list[AsyncConnection] = []
            for _ in range(connections):
                connection = await stack.enter_async_context(self.engine.connect())
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                opened.append(connection)
            exported = await opened[0].scalar(sa.text("select pg_export_snapshot()")) if connections > 1 else None
            for connection in opened[1:]:
                await connection.exec_driver_sql(f"set transaction snapshot '{exported}'")
            for connection in opened:  # after the snapshot, which must come first; the last reader on it may have said something else
                await connection.execute(acting.ENTERED.statement, {**self._info[acting.DEFAULT].values, "lasting": False})
            yield opened

    async def let_go(self) -> None:
        """Of every connection that nobody uses, and of the others as they come back: new ones go to whichever server takes writes."""
        await self.engine.dispose()

    async def close(self) -> None:
        """Says goodbye to a server that listens; one that is silent does not hold up a process that ends."""
        halt = commits.halt_of(self.engine)
        if halt is not None:
            halt.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.engine.dispose()


def connect(
    url: str, *, info: dict[str, Any], pool_size: int = 4, most: int | None = None, name: str = "xinxin-api",
    statement_timeout_ms: int = 5_000, role: str | None = roles.APP, acting_for: Acting = acting.SERVICE,
    give_up: float | None = None,
) -> Database:
    """Opens the pool. `url` is a postgresql:// address (socket folder, host or hosts). Waiting for a connection for 2 s is 503 `busy`.
    `pool_size` connections are kept; there are thrice as many, or `most`, where all of them are held.

    `role` None stays the owner of the tables: for migrations and for an operator's hand. `acting_for`: what a process that serves
    requests must set to NOBODY; the service acts as a role of its own. `give_up`: seconds after which a statement is not waited for any
    more, where nobody else notices that the server is silent.
    """
    engine = create_async_engine(
        addresses.engine_url(url, commits.DRIVER),
        poolclass=pooling.MeteredPool,
        pool_size=pool_size, max_overflow=(most or 3 * pool_size) - pool_size, pool_timeout=2, pool_recycle=1800, pool_use_lifo=True,
        hide_parameters=True,  # an error's text would repeat phone numbers and names
        json_deserializer=from_json,  # in a quarter of the time; a list of reports has one of photos in each row
        connect_args={
            "timeout": 5, "command_timeout": give_up,
            "prepared_statement_cache_size": STATEMENTS, "statement_cache_size": STATEMENTS, "max_cached_statement_lifetime": 0,
            "server_settings": {
                "application_name": name, "timezone": "UTC", "statement_timeout": str(statement_timeout_ms), "lock_timeout": "2000",
                "idle_in_transaction_session_timeout": "15000", "synchronous_commit": "on",
                **roles.start_settings(role and acting_for.role), **acting.start_settings(acting_for),
            },
        },
    )
    failures.forget_demoted(engine)
    pooling.look_before_use(engine)
    commits.guard(engine)
    return Database(engine, info, acting_for)


@event.listens_for(SyncSession, "after_begin")
def _enter(session: SyncSession, transaction: SessionTransaction, connection: Connection) -> None:
    """Says for whom it acts, and holds the idempotency key for the length of the transaction: a second request under the same key hears
    409, it does not wait."""
    line: Line | None = session.info.get(LINE)
    if transaction.nested or (line is not None and line.made is connection):  # a reader has begun on it before
        return
    if not acting.enter(session.info, open_line(session, connection), session.info.get("exclusive")):
        raise RequestInProgress


@event.listens_for(SyncSession, "after_transaction_end")
def _leave(session: SyncSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        close_line(session)


def exclusive_name(account_id: UUID, key: str) -> str:
    return f"idempotency:{account_id}:{key}"
