"""SQLAlchemy's pool with an eye on its queue (how many wait for a connection, and for how long) and on what it hands out.

Its own `pool_pre_ping` asks the server each time, in up to five round trips. The driver knows of a line that was cut; one that says nothing
any more shows only when it is asked, which is done after a rest.
"""

import time
from contextlib import suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

from app.figures import POOL_WAIT

REST_SECONDS = 1.0
PATIENCE_SECONDS = 0.05


class MeteredQueue(AsyncAdaptedQueue[Any]):
    waiting = 0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Who does not have to wait is not counted: asking then costs nothing."""
        if not block or not self.empty():
            return super().get(block, timeout)
        started = time.perf_counter()
        self.waiting += 1
        try:
            return super().get(block, timeout)
        finally:
            self.waiting -= 1
            POOL_WAIT.observe(time.perf_counter() - started)


class MeteredPool(AsyncAdaptedQueuePool):
    """Connections beyond those that are kept are opened and closed each time, which costs more than what most of them are used for. So a
    request waits a moment for one that comes back; only where all are held for longer (a lock, a slow statement) another is opened."""

    _queue_class = MeteredQueue

    def _do_get(self) -> ConnectionPoolEntry:
        if self._overflow >= 0:
            with suppress(Empty):
                return self._pool.get(True, PATIENCE_SECONDS)
        return super()._do_get()

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
