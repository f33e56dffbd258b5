"""SQLAlchemy's pool with an eye on its queue (how many wait for a connection, and for how long) and on what it hands out; and a short way
to borrow from it.

Its own `pool_pre_ping` asks the server each time, in up to five round trips. The driver knows of a line that was cut; one that says nothing
any more shows only when it is asked, which is done after a rest.
"""

import asyncio
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.pool.base import _ConnectionFairy, _ConnectionRecord
from sqlalchemy.util import await_only, greenlet_spawn
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

from app.figures import POOL_WAIT

RESTS_SINCE, REST_SECONDS = "rests_since", 1.0
PATIENCE_SECONDS = 0.25
LOOKS = 2  # in one time of patience
GROWN_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """Who waits until when at most, and how many had come back when their patience began."""

    given: "asyncio.Future[Any]"
    until: float
    since: float
    returned: int


class MeteredQueue(AsyncAdaptedQueue[Any]):
    """Hands what comes back to whoever has waited longest: nobody who comes later takes it from them on the way."""

    waiting = 0
    returned = 0
    _watched = False

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._line: deque[_Waiting] = deque()

    def put_nowait(self, item: Any) -> None:
        self.returned += 1
        while self._line:
            first = self._line.popleft().given
            if not first.done():
                first.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Who does not have to wait is not counted: asking then costs nothing."""
        if not block or not self.empty():
            return super().get(block, timeout)
        started = self._begin()
        try:
            return super().get(block, timeout)
        finally:
            self._end(started)

    async def next_back(self, seconds: float) -> Any:
        """In the order of asking, whatever comes back within so many seconds. Raises Empty once nothing has come back to anybody for
        PATIENCE_SECONDS, or half as long again, and TimeoutError. What is there is taken at once."""
        if not self.empty():
            return self.get_nowait()
        started = self._begin()
        try:
            return await self._next(seconds)
        finally:
            self._end(started)

    async def _next(self, seconds: float) -> Any:
        now = time.monotonic()
        mine = _Waiting(asyncio.get_running_loop().create_future(), now + seconds, now, self.returned)
        self._line.append(mine)
        self._watch()
        try:
            return await mine.given
        except asyncio.CancelledError:
            if not mine.given.cancelled() and not mine.given.exception():  # who is gone leaves to the next what had just been handed over
                self.put_nowait(mine.given.result())
            raise

    def _watch(self) -> None:
        """One watch over all who wait: a timer for each would cost as much as a twentieth of a small request (measured)."""
        if not self._watched:
            self._watched = True
            asyncio.get_running_loop().call_later(PATIENCE_SECONDS / LOOKS, self._look)

    def _look(self) -> None:
        self._watched, now = False, time.monotonic()
        for one in self._line:
            if one.given.done():
                continue
            if now > one.until:
                one.given.set_exception(TimeoutError("no connection came back in time"))
            elif one.returned != self.returned:
                one.since, one.returned = now, self.returned
            elif now - one.since >= PATIENCE_SECONDS:
                one.given.set_exception(Empty())
        self._line = deque(one for one in self._line if not one.given.done())
        if self._line:
            self._watch()

    def _begin(self) -> float:
        self.waiting += 1
        return time.perf_counter()

    def _end(self, started: float) -> None:
        self.waiting -= 1
        POOL_WAIT.observe(time.perf_counter() - started)


class MeteredPool(AsyncAdaptedQueuePool):
    """Each connection more is a process more at the server, which plans every statement anew and shares the same cores (measured with the
    statements of POST /reports: 360 a second over 8 connections, 137 over 32). So a request waits in line for as long as connections come
    back; only where all of them are held (by a lock, a slow statement) another is opened, and given up again once that is over."""

    _queue_class = MeteredQueue
    _pool: MeteredQueue
    _grown, _over = 0.0, False
    _impatient = 0  # who waited in vain for a loan, and is about to ask for a connection more

    def _do_get(self) -> ConnectionPoolEntry:
        if self._impatient:
            self._impatient -= 1
        elif self._overflow >= 0:
            with suppress(Empty):
                returned: ConnectionPoolEntry = await_only(self._pool.next_back(self._timeout))
                return returned
        if self._overflow >= 0:
            self._grown = time.monotonic()
        return super()._do_get()

    def dispose(self) -> None:
        """What is out is closed as it comes back: another pool has taken over."""
        self._over = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if self._over:
            record.close()
            return
        if self._overflow > 0 and time.monotonic() - self._grown > GROWN_SECONDS:
            try:
                record.close()
            finally:
                self._dec_overflow()
            return
        super()._do_return_conn(record)

    async def lend(self) -> ConnectionPoolEntry | None:
        """A connection that somebody used a moment ago, to be given to `take_back`; None where the pool has to open one, or to look at it
        first. What SQLAlchemy puts around a connection that it hands out costs a fifth of `GET /members/me` (measured): a proxy, its end by
        the garbage collector, events, and a greenlet for each wait. Raises TimeoutError."""
        if self._overflow < 0 and self._pool.empty():
            return None
        try:
            entry: ConnectionPoolEntry = await self._pool.next_back(self._timeout)
        except Empty:
            self._impatient += 1
            return None
        if self._is_fresh(entry):
            return entry
        self._pool.put_nowait(entry)
        return None

    async def take_back(self, entry: ConnectionPoolEntry) -> None:
        entry.info[RESTS_SINCE] = time.monotonic()
        if self._over or self._overflow > 0:
            await greenlet_spawn(self._do_return_conn, entry)
        else:
            self._pool.put_nowait(entry)

    def proxied(self, entry: ConnectionPoolEntry) -> PoolProxiedConnection:
        """What is lent, as SQLAlchemy itself hands it out: whoever has asked for it closes it instead of giving the loan back."""
        assert isinstance(entry, _ConnectionRecord) and entry.dbapi_connection is not None
        proxy = _ConnectionFairy(self, entry.dbapi_connection, entry, echo=False)
        proxy._counter, entry.fairy_ref = 1, weakref.ref(proxy)
        return proxy

    def _is_fresh(self, entry: ConnectionPoolEntry) -> bool:
        """Nothing that `look` or SQLAlchemy would do something about."""
        assert isinstance(entry, _ConnectionRecord)
        driver = entry.driver_connection
        if driver is None or driver.is_closed() or entry._is_hard_or_soft_invalidated():
            return False
        rested = time.monotonic() - entry.info.get(RESTS_SINCE, 0.0)
        return rested < REST_SECONDS and time.time() - entry.starttime < self._recycle

    @property
    def most(self) -> int:
        return int(self.size() + self._max_overflow)

    @property
    def waiting(self) -> int:
        return self._pool.waiting


def look_before_use(engine: AsyncEngine) -> None:
    """A connection that is lost, and every other as old as the pool, is replaced before somebody works with it."""
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def rests(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:
        driver = record.driver_connection
        if driver is None or driver.is_closed():
            raise InvalidatePoolError
        if time.monotonic() - record.info.get(RESTS_SINCE, time.monotonic()) < REST_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as lost:
            raise InvalidatePoolError from lost
