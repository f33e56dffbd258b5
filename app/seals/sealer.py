"""The sealer's loop, beside the queue in every job worker: about each second, one of them seals what was noted since."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from app.db.session import Database
from app.observability import get_logger
from app.seals import alarms, queries, service
from app.seals.queries import Head

log = get_logger(__name__)

PAUSE_SECONDS = 1.0
LONGEST_PAUSE = 30.0  # while the database is away
GRACE_SECONDS = 30.0  # what waits longer, seen twice, is told; a transaction that took long to commit is sealed before that
TELL_EVERY = 60.0
LOOKED_AT = 1_000
NOTHING = service.Step(0, None)


async def run(database: Database, stop: asyncio.Event) -> None:
    """Until it is asked to stop; what is in hand then is finished. Never raises: a queue without a sealer still works."""
    sealer = Sealer(database)
    while not stop.is_set():
        pause = await sealer.turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()


@dataclass
class Sealer:
    """`last` is the newest block that this process made: whatever the database says later, that one was there."""

    database: Database
    last: Head | None = None
    failures: int = 0
    behind: int = 0
    told_at: float = float("-inf")

    async def turn(self) -> float:
        """Seals what waits, a batch; returns the seconds until the next turn."""
        try:
            pause = await self._turn()
        except Exception as error:
            self.failures += 1
            log.warning("seals.failed", error=type(error).__name__, times=self.failures, exc_info=error)
            return float(min(2**self.failures, LONGEST_PAUSE))
        self.failures = 0
        return pause

    async def _turn(self) -> float:
        async with self.database.reader() as session:
            waiting = await queries.waiting(session, look_at=LOOKED_AT)
        self._watch(waiting)
        if not waiting.rows and not waiting.backlog:
            return PAUSE_SECONDS
        began = time.monotonic()
        async with self.database.transaction() as session:
            if not await service.take_lease(session):
                return PAUSE_SECONDS
            cut = self._cut(await queries.hashes(session, [self.last.number]) if self.last else {})
            new = await service.seal(session) if waiting.rows else NOTHING
            old = await service.catch_up(session) if waiting.backlog else NOTHING
        self.last = old.head or new.head or self.last
        if cut is not None:
            await alarms.raise_alarm(self.database, [alarms.cut(cut)])
        if new.seen >= service.BATCH:
            return 0.0
        return min(time.monotonic() - began, PAUSE_SECONDS) if waiting.backlog else PAUSE_SECONDS  # half of the time is the service's

    def _cut(self, hashes: dict[int, bytes]) -> int | None:
        """The number of our newest block if it is not in the chain any more. It is told once: the chain goes on from what is there."""
        if self.last is None or hashes.get(self.last.number) == self.last.hash:
            return None
        number, self.last = self.last.number, None
        return number

    def _watch(self, waiting: queries.Waiting) -> None:
        self.behind = self.behind + 1 if waiting.seconds > GRACE_SECONDS else 0
        if self.behind > 1 and time.monotonic() - self.told_at > TELL_EVERY:
            self.told_at = time.monotonic()
            log.error("seals.behind", seconds=round(waiting.seconds, 1), rows=waiting.rows, at_least=waiting.rows >= LOOKED_AT)
