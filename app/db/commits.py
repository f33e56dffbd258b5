"""COMMITs that do not come back: a primary whose synchronous standby is gone writes them down and then waits, for ever.

No time limit of the server's ends that wait (`statement_timeout` is over when the waiting begins), and whatever cancels it makes the
commit good on this server alone: it would be told to the next who asks, and be lost with the machine. So after some seconds the line is
hung up, without the cancelling that a driver's own time limit sends. The caller hears `busy`, the same key hears `request_in_progress`,
and nobody is told of a success before a standby has it.

Each such COMMIT keeps a connection of the server's. So from the first one on no other is sent, and one probe waits in their place; when
that comes back, all is as before.
"""

import asyncio
from typing import Any

from asyncpg.exceptions import TargetServerAttributeNotMatched
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from app.errors import Busy
from app.observability import get_logger

log = get_logger(__name__)

DRIVER = "postgresql+xinxin"
SECONDS = 6.0  # the promise is an answer within ten, and a request has its own time to take before
AGAIN_SECONDS = 1.0
PROBE = "select pg_logical_emit_message(true, 'xinxin', 'probe')"  # the smallest thing whose commit a standby has to confirm
registry.register("postgresql.xinxin", __name__, "Dialect")


class Halt:
    """Of one engine: whether commits stand still."""

    def __init__(self) -> None:
        self.engine: AsyncEngine | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def on(self) -> bool:
        return self._probing is not None and not self._probing.done()

    def begin(self, connection: Any) -> None:
        """The line of a COMMIT that took too long. Its caller hears that it is lost."""
        connection.terminate()
        if not self.on and self.engine is not None:
            log.error("database.commits_stand_still", seconds=SECONDS)
            self._probing = asyncio.create_task(self._probe(self.engine))

    async def _probe(self, engine: AsyncEngine) -> None:
        while True:
            try:
                async with engine.connect() as connection:
                    driver = (await connection.get_raw_connection()).driver_connection
                    assert driver is not None
                    await driver.execute(PROBE)
            except Exception as error:  # whatever it is, the answer is to ask again
                log.warning("database.probe_failed", error=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            log.warning("database.commits_go_on")
            return

    def end(self) -> None:
        if self._probing is not None:
            self._probing.cancel()


class Dialect(PGDialect_asyncpg):
    """asyncpg's, with an eye on the clock while a COMMIT is out."""

    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.halt = Halt()

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Raises ConnectionRefusedError while none of several servers takes writes: between a failure and the promotion."""
        try:
            return super().connect(*arguments, **options)
        except TargetServerAttributeNotMatched as none_fits:
            raise ConnectionRefusedError("no server takes writes") from none_fits

    def do_commit(self, dbapi_connection: Any) -> None:
        """Raises Busy while commits stand still."""
        if self.halt.on:
            raise Busy
        hang_up = asyncio.get_running_loop().call_later(SECONDS, self.halt.begin, dbapi_connection.driver_connection)
        try:
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]
        finally:
            hang_up.cancel()


def halt_of(engine: AsyncEngine) -> Halt | None:
    return getattr(engine.dialect, "halt", None)


def guard(engine: AsyncEngine) -> None:
    halt = halt_of(engine)
    if halt is not None:
        halt.engine = engine
