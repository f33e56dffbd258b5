"""What statements go over: the connection of a session while its transaction lasts, or of a reader from its first statement on."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, overload

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, CursorResult, Engine, Result
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.sql.base import Executable
from sqlalchemy.util import greenlet_spawn
from sqlmodel.ext.asyncio import session as sqlmodel_session

from app.db.pooling import MeteredPool

LINE: Final = "line"
_listeners: list[Callable[..., Any]] = []  # of this process: to look at each line for each statement costs ten calls


@contextmanager
def listening(to: Connection | Engine, occasion: str, listener: Callable[..., Any], **options: Any) -> Iterator[None]:
    """`event.listen` while the block lasts: the one way to hear, or change, what goes over lines, too."""
    _listeners.append(listener)
    event.listen(to, occasion, listener, **options)
    try:
        yield
    finally:
        event.remove(to, occasion, listener)
        _listeners.remove(listener)


@dataclass(slots=True)
class Line:
    """`begins`: whether a statement begins a transaction. `known`: what the pool keeps with the connection, across its users. `loan`: the
    pool that has lent it; where SQLAlchemy's own connection is made of it, it is taken for one that was handed out."""

    engine: Engine
    pooled: PoolProxiedConnection | ConnectionPoolEntry
    begins: bool
    made: Connection | None = None
    loan: MeteredPool | None = None
    adapter: Any = field(init=False)
    driver: Any = field(init=False)

    def __post_init__(self) -> None:
        self.adapter, self.driver = self.pooled.dbapi_connection, self.pooled.driver_connection

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's own over the same connection, made when somebody asks for it."""
        if self.made is None:
            if isinstance(self.pooled, ConnectionPoolEntry):
                assert self.loan is not None
                self.pooled = self.loan.proxied(self.pooled)
            self.made = Connection(self.engine, self.pooled)
        return self.made

    async def give_up(self) -> None:
        """To the pool, which has it looked at and made new where that is due."""
        if isinstance(self.pooled, ConnectionPoolEntry):
            assert self.loan is not None
            await self.loan.take_back(self.pooled)
        else:
            await greenlet_spawn(self.pooled.close)

    @property
    def heard(self) -> bool:
        """Whether anybody listens to what is sent over it."""
        if not _listeners:
            return False
        dispatch = (self.made or self.engine).dispatch
        return bool(dispatch.before_execute or dispatch.before_cursor_execute)

    def fetch(self, text: str, arguments: Sequence[Any]) -> Awaitable[Sequence[Mapping[str, Any]]]:
        """Whoever sends something beside it hears so from the driver: a session is never used by two at once."""
        if self.begins and self.adapter._transaction is None:
            return self._begun(text, arguments)
        rows: Awaitable[Sequence[Mapping[str, Any]]] = self.driver.fetch(text, *arguments)
        return rows

    async def _begun(self, text: str, arguments: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
        await self.adapter._start_transaction()
        rows: Sequence[Mapping[str, Any]] = await self.driver.fetch(text, *arguments)
        return rows

    @property
    def known(self) -> dict[Any, Any]:
        return self.pooled.info


def open_line(session: SyncSession, connection: Connection) -> Line:
    line = session.info[LINE] = Line(connection.engine, connection.connection, begins=True, made=connection)
    return line


def close_line(session: SyncSession) -> None:
    session.info.pop(LINE, None)


class AsyncSession(sqlmodel_session.AsyncSession):
    """SQLModel's session with wider promises: `exec` takes every Core statement (SQLModel types it for its own `select` only), and what
    is prepared goes over its line."""

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        async def exec(self, statement: sa.UpdateBase, **options: Any) -> CursorResult[*tuple[Any, ...]]: ...

        @overload
        async def exec(self, statement: Executable, **options: Any) -> Result[*tuple[Any, ...]]: ...

        async def exec(self, statement: Executable, **options: Any) -> Result[*tuple[Any, ...]]: ...

    async def line(self) -> Line:
        """Begins the session's transaction when there is none yet, and its savepoint, which it makes as late."""
        line: Line | None = self.info.get(LINE)
        if line is None or self.sync_session.in_nested_transaction():
            await self.connection()
            line = self.info[LINE]
        return line

    @property
    def unwritten(self) -> bool:
        """Whether something is to be written before any statement of the session."""
        return self.sync_session.autoflush and not self.sync_session._is_clean()


class Reader(AsyncSession):
    """A session in AUTOCOMMIT, for what only reads. Prepared statements go straight over a connection of the pool: SQLAlchemy's own session
    is made, over the same connection, when anything else is asked. It would cost 0.13 ms a request to open and close (measured: an
    eighth of `GET /members/me`)."""

    def __init__(self, engine: Engine, info: dict[str, Any], entered: Callable[[dict[Any, Any], Line], Awaitable[None]]) -> None:
        """`engine`: in AUTOCOMMIT. `entered` says for whom it acts, once it has its line."""
        self._async_bind, self._async_binds = None, {}
        self._engine, self._info, self._entered = engine, info, entered
        self._held: Line | None = None
        self._made: SyncSession | None = None

    @property
    def info(self) -> dict[Any, Any]:
        return self._info

    @property
    def sync_session(self) -> SyncSession:  # type: ignore[override]
        """Binds to the connection that it has, if it has one."""
        if self._made is None:
            line: Line | None = self._info.get(LINE)
            self._made = self._assign_proxied(
                self.sync_session_class(line.connection if line else self._engine, expire_on_commit=False, autoflush=False)
            )
            self._made.info = self._info
        return self._made

    @property
    def _proxied(self) -> SyncSession:  # type: ignore[override]
        return self.sync_session

    def in_nested_transaction(self) -> bool:
        return self._made is not None and self._made.in_nested_transaction()

    async def line(self) -> Line:
        if self._made is not None:
            return await super().line()
        line: Line | None = self._info.get(LINE)
        if line is None:
            pool = self._engine.pool
            if isinstance(pool, MeteredPool) and (lent := await pool.lend()) is not None:
                line = Line(self._engine, lent, begins=False, loan=pool)
            else:
                line = await greenlet_spawn(self._open)
            self._held = self._info[LINE] = line
            await self._entered(self._info, line)
        return line

    @property
    def unwritten(self) -> bool:
        return False

    async def close(self) -> None:
        made, self._made = self._made, None
        held, self._held = self._held, None
        try:
            if made is not None:
                await greenlet_spawn(made.close)
        finally:
            self._info.pop(LINE, None)
            if held is not None:
                await held.give_up()

    def _open(self) -> Line:
        dialect = self._engine.dialect
        try:
            return Line(self._engine, self._engine.raw_connection(), begins=False)
        except dialect.loaded_dbapi.Error as refused:
            Connection._handle_dbapi_exception_noconnection(refused, dialect, self._engine)
