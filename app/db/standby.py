"""A standby that takes reads off the primary: sums and lists over many rows that gate nothing, and only while it is close behind.

How close is known by what the primary had written and when: twice a second both are asked how far they are. What nobody could ask counts
as behind, so a standby that is lost, stopped, or promoted is left alone after two seconds, and the primary does its part.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import Database
from app.observability import get_logger

log = get_logger(__name__)

BEAT_SECONDS = 0.5
BEHIND_SECONDS = 2.0
GIVE_UP_SECONDS: Final = 6.0  # a statement's limit is the server's to keep, and this one may be silent
MARKS = 120
WRITTEN = sa.text("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
# Null once it has been promoted: it goes its own way then.
ARRIVED = sa.text("select case when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint end")


class Standby:
    """`behind`: seconds of the primary's writing that may be missing there."""

    def __init__(self, primary: Database, database: Database) -> None:
        self.database = database
        self._primary = primary
        self._marks: deque[tuple[float, int]] = deque(maxlen=MARKS)
        self._arrived = float("-inf")
        self._was_fresh = False

    @property
    def behind(self) -> float:
        return time.monotonic() - self._arrived

    @property
    def fresh(self) -> bool:
        return self.behind <= BEHIND_SECONDS

    async def look(self) -> None:
        """Asks both once. Raises what the databases raise."""
        async with self._primary.reader() as session:
            at, written = time.monotonic(), (await session.exec(WRITTEN)).scalar_one()
        self._marks.append((at, written))
        async with self.database.reader() as session:
            arrived = (await session.exec(ARRIVED)).scalar_one()
        if arrived is not None:
            self._arrived = max((at for at, written in self._marks if written <= arrived), default=self._arrived)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(SQLAlchemyError, OSError):
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    await self.look()
            if self.fresh != self._was_fresh:
                self._was_fresh = self.fresh
                log.warning("standby.reads" if self.fresh else "standby.left_alone", behind=round(self.behind, 1))
            await asyncio.sleep(BEAT_SECONDS)


@asynccontextmanager
async def beside(primary: Database, database: Database) -> AsyncIterator[Standby]:
    """Watches `database`, the standby of `primary`, as long as the block runs; then closes it."""
    standby = Standby(primary, database)
    watching = asyncio.create_task(standby.watch())
    try:
        yield standby
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await database.close()
