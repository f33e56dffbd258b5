"""SQLAlchemy's pool with an eye on its queue (how many wait for a connection, and for how long) and on what it hands out.

Its own `pool_pre_ping` asks the server each time, in up to five round trips. The driver knows of a line that was cut; one that says nothing
any more shows only when it is asked, which is done after a rest.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

from app.figures import POOL_WAIT

REST_SECONDS = 1.0
PATIENCE_SECONDS = 0.25
GROWN_SECONDS = 1.0


class MeteredQueue(AsyncAdaptedQueue[Any]):
    """Hands what comes back to whoever has waited longest: nobody who comes later takes it from them on the way."""

    waiting = 0
    returned = 0

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._line: deque[asyncio.Future[Any]] = deque()

    def put_nowait(self, item: Any) -> None:
        self.returned += 1
        while self._line:
            first = self._line.popleft()
            if not first.done():
                first.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Who does not have to wait is not counted: asking then costs nothing."""
        if not block or not self.empty():
            return super().get(block, timeout)
        with self._counted():
            return super().get(block, timeout)

    def get_while_returned(self, timeout: float) -> Any:
        """In the order of asking, whatever comes back within `timeout` seconds. Raises Empty once nothing has come back to anybody for
        PATIENCE_SECONDS, and TimeoutError."""
        if not self.empty():
            return self.get_nowait()
        with self._counted():
            return await_only(self._next(timeout))

    async def _next(self, seconds: float) -> Any:
        mine = asyncio.get_running_loop().create_future()
        self._line.append(mine)
        self._watch(mine, time.monotonic() + seconds)
        try:
            return await mine
        except asyncio.CancelledError:
            if not mine.cancelled() and not mine.exception():  # whoever is gone leaves to the next what had just been handed over
                self.put_nowait(mine.result())
            raise

    def _watch(self, mine: "asyncio.Future[Any]", until: float) -> None:
        """Looks again and again, at no cost to whoever is served before."""
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._look, mine, until, self.returned)

    def _look(self, mine: "asyncio.Future[Any]", until: float, before: int) -> None:
        if mine.done():
            return
        if self.returned == before:
            mine.set_exception(Empty())
        elif time.monotonic() > until:
            mine.set_exception(TimeoutError("no connection came back in time"))
        else:
            self._watch(mine, until)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        started = time.perf_counter()
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1
            POOL_WAIT.observe(time.perf_counter() - started)


class MeteredPool(AsyncAdaptedQueuePool):
    """Each connection more is a process more at the server, which plans every statement anew and shares the same cores (measured with the
    statements of POST /reports: 360 a second over 8 connections, 137 over 32). So a request waits in line for as long as connections come
    back; only where all of them are held (by a lock, a slow statement) another is opened, and given up again once that is over."""

    _queue_class = MeteredQueue
    _grown = 0.0

    def _do_get(self) -> ConnectionPoolEntry:
        if self._overflow >= 0:
            assert isinstance(self._pool, MeteredQueue)
            with suppress(Empty):
                returned: ConnectionPoolEntry = self._pool.get_while_returned(self._timeout)
                return returned
            self._grown = time.monotonic()
        return super()._do_get()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if self._overflow > 0 and time.monotonic() - self._grown > GROWN_SECONDS:
            try:
                record.close()
            finally:
                self._dec_overflow()
            return
        super()._do_return_conn(record)

    @property
    def most(self) -> int:
        return int(self.size() + self._max_overflow)

    @property
    def waiting(self) -> int:
        return int(getattr(self._pool, "waiting", 0))


def look_before_use(engine: AsyncEngine) -> None:
    """A connection that is lost, and every other as old as the pool, is replaced before somebody works with it."""
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def rests(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:
        driver = record.driver_connection
        if driver is None or driver.is_closed():
            raise InvalidatePoolError
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < REST_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as lost:
            raise InvalidatePoolError from lost
