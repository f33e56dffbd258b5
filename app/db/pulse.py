"""Does the database still speak? Behind a dead network it says nothing, not even no, and a statement would wait for it for ever: the time
limits of statements are the server's to keep. So somebody asks it every second, on a connection of their own; what is asked is the time,
which this process goes by from then on (`app/clock.py`).

After five seconds of silence every connection is hung up: whoever waits on one hears `busy`. Until it speaks again, no new one is tried.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app import clock
from app.db import addresses, roles
from app.observability import get_logger

log = get_logger(__name__)

BEAT_SECONDS = 1.0
FIRST_SECONDS = 2.0
SLICE_SECONDS = 0.5
SLICES, SLICES_IN_SILENCE = 10, 4
TIME = "select extract(epoch from clock_timestamp())::float8"


class Pulse:
    """Of one engine. `silent` is what was found last."""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self.silent = False
        self._url = addresses.plain(url)
        self._own: Any = None
        self._open: WeakSet[Any] = WeakSet()
        event.listen(engine.sync_engine, "connect", self._opened)
        event.listen(engine.sync_engine, "do_connect", self._opening)

    def _opened(self, connection: Any, record: Any) -> None:
        self._open.add(connection.driver_connection)

    def _opening(self, *what: Any) -> None:
        """Raises ConnectionRefusedError while there is nobody to talk to."""
        if self.silent:
            raise ConnectionRefusedError("the database is silent")

    async def watch(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                await self._beat()
        finally:
            self._hang_up_own()

    async def _beat(self) -> None:
        """A database that refuses, or that is not there, speaks too: the requests hear it themselves."""
        asking = asyncio.create_task(self.ask())
        # In slices: a process that was stopped meanwhile (SIGSTOP, a suspended machine) has lost one of them, and not its patience.
        for _ in range(SLICES_IN_SILENCE if self.silent else SLICES):
            await asyncio.wait({asking}, timeout=SLICE_SECONDS)
            if asking.done():
                self._note(silent=False)
                return
        self._note(silent=True)
        self._hang_up_own()
        asking.cancel()
        for connection in list(self._open):
            connection.terminate()

    async def ask(self) -> None:
        try:
            if self._own is None or self._own.is_closed():
                who = {"application_name": "xinxin-pulse", **roles.start_settings(roles.APP)}
                self._own = await asyncpg.connect(self._url, server_settings=who)
            asked = time.monotonic()
            epoch = await self._own.fetchval(TIME)
            clock.follow(epoch, asked, time.monotonic())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            self._hang_up_own()

    def _note(self, *, silent: bool) -> None:
        if silent and not self.silent:
            log.error("database.silent", connections=len(self._open))
        elif self.silent and not silent:
            log.warning("database.speaks_again")
        self.silent = silent

    def _hang_up_own(self) -> None:
        if self._own is not None:
            self._own.terminate()
            self._own = None


@asynccontextmanager
async def watched(url: str, engine: AsyncEngine) -> AsyncIterator[Pulse]:
    """Asks as long as the block runs; once before it begins, unless the database keeps one waiting."""
    pulse = Pulse(url, engine)
    first = asyncio.create_task(pulse.ask())
    await asyncio.wait({first}, timeout=FIRST_SECONDS)
    first.cancel()
    watching = asyncio.create_task(pulse.watch())
    try:
        yield pulse
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        clock.follow_machine()
