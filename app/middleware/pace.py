"""Is a client quick enough: whoever sends an upload, or takes an answer, at less than 8 KB/s holds a connection for nothing."""

import asyncio
from collections.abc import Callable

PACE_SECONDS = 10.0
PACE_BYTES = 8 * 1024  # a second, taken over each ten


class Pace:
    """Looks every ten seconds at how many bytes have moved in all; calls `late`, once, when too few have come since the last look.

    `moved` returns None when nobody is waited for any more: the looking ends, until it is started again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, moved: Callable[[], int | None], late: Callable[[], None]) -> None:
        self._loop, self._moved, self._late = loop, moved, late
        self._next: asyncio.TimerHandle | None = None
        self._before = 0

    def start(self) -> None:
        if self._next is None and (now := self._moved()) is not None:
            self._before = now
            self._next = self._loop.call_later(PACE_SECONDS, self._look)

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        now = self._moved()
        if now is None:
            return
        if now - self._before < PACE_SECONDS * PACE_BYTES:
            self._late()
            return
        self.start()
