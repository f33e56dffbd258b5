"""What is still to happen in the ledgers of a lane, in the order of time."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

Act = Callable[[datetime], object]


class Timeline:
    """Acts may add others, later than themselves. Two of one instant happen in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[tuple[datetime, int, Act]] = []
        self._turn = count()

    def add(self, at: datetime, act: Act) -> None:
        heapq.heappush(self._waiting, (at, next(self._turn), act))

    def run(self, before: datetime) -> None:
        while self._waiting and self._waiting[0][0] < before:
            at, _, act = heapq.heappop(self._waiting)
            act(at)
