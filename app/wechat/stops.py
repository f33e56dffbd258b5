"""Calls whose quota of the day, or of the minute, is used up: they rest until midnight in Beijing, or for a minute, in all processes."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from app import clock
from app.observability import get_logger
from app.wechat.errors import WeChatStopped
from app.wechat.rules import Then

log = get_logger(__name__)

# WeChat's midnight is not to the second ours: whoever came early would be stopped for the next day, and so would an answer of just before.
MARGIN, MINUTE = timedelta(minutes=2), timedelta(minutes=1)
LOOK_EVERY = 5.0  # seconds after which a process asks again what the others have learnt


def end_of_stop(now: datetime) -> datetime:
    """The next midnight in Beijing, and a little."""
    return clock.day_start(clock.local_day(now - MARGIN) + timedelta(days=1)) + MARGIN


class StopStore(Protocol):
    """Where processes share the stops."""

    async def running(self) -> Mapping[str, float]:
        """The paths that rest, and for how many seconds still."""

    async def begin(self, path: str, until: datetime) -> bool:
        """False when another process was first."""


class Stops:
    """This process's knowledge. Without a store, that of this process alone."""

    def __init__(self, store: StopStore | None) -> None:
        self._store = store
        self._ends: dict[str, float] = {}
        self._look_at = 0.0
        self._rested: set[str] = set()  # what was refused for its minute, and not answered since

    async def expect_none(self, path: str) -> None:
        """Raises WeChatStopped."""
        await self._look()
        left = self._left(path)
        if left > 0:
            raise WeChatStopped(left)

    def _left(self, path: str) -> float:
        return self._ends.get(path, 0.0) - time.monotonic()

    def ended(self, path: str) -> None:
        """WeChat has answered: there was quota."""
        self._rested.discard(path)

    async def begin(self, path: str, then: Then) -> WeChatStopped:
        """The refusal for whoever has just heard of it. The first one of all processes raises the alarm."""
        resting = self._left(path)
        if resting > 0:
            return WeChatStopped(resting)  # another call of this process heard it first
        now = clock.now()
        day = then is Then.STOP or (then is Then.REST_FIRST and path in self._rested)
        self._rested.add(path)
        until = end_of_stop(now) if day else now + MINUTE
        left = (until - now).total_seconds()
        self._ends[path] = time.monotonic() + left
        if self._store is None or await self._store.begin(path, until):
            (log.error if day else log.warning)("wechat.quota_used_up", path=path, until=until.isoformat())
        return WeChatStopped(left)

    async def _look(self) -> None:
        """The others go on with what is known while one looks."""
        now = time.monotonic()
        if self._store is None or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        self._ends = {path: now + left for path, left in (await self._store.running()).items()}
