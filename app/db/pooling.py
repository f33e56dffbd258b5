"""SQLAlchemy's pool with an eye on its queue: how many wait for a connection, and for how long."""

import time
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.queue import AsyncAdaptedQueue

from app.figures import POOL_WAIT


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
    _queue_class = MeteredQueue

    @property
    def most(self) -> int:
        return int(self.size() + self._max_overflow)

    @property
    def waiting(self) -> int:
        return int(getattr(self._pool, "waiting", 0))
