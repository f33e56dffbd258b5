"""A script played on asyncpg connections: the same statements, prepared, in the same round trips; values by rule."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.bench.script import Given, Script
from app.bench.sources import Answered, Constant, FreshDigest, FreshHex, FreshId, FromGiven, Inside, Moment, Source, filled
from app.db import acting, roles

STATEMENTS, CONNECTIONS = 500, 4  # as the service's own
SERVER_SETTINGS = {
    "application_name": "xinxin-bench", "timezone": "UTC", "statement_timeout": "5000", "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "15000", "synchronous_commit": "on", **roles.start_settings(roles.APP),
    **acting.start_settings(acting.NOBODY),  # who says nothing of it is taken for an earlier release, and row security asks it less
}


class Missing(Exception):
    """A statement that must give something gave nothing: what was played is not what was recorded."""


@dataclass
class Play:
    """One playing: what is given, what is fresh, what came back so far."""

    script: Script
    given: Given
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    rows: list[Sequence[Any]] = field(default_factory=list)
    ids: list[UUID] = field(init=False)
    tokens: list[str] = field(init=False)
    hexes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = [fresh_id() for _ in range(self.script.fresh_ids)]
        self.tokens = [secrets.token_urlsafe(32) for _ in range(self.script.digests)]
        self.hexes = [secrets.token_hex(32) for _ in range(self.script.hexes)]

    def value(self, source: Source) -> Any:
        match source:
            case Answered(step, row, column):
                rows = self.rows[step]
                return rows[min(row, len(rows) - 1)][column]
            case Inside(cell):
                return source.read(self.value(cell))
            case FromGiven(name, shift):
                return self.given[name] + shift if shift else self.given[name]
            case FreshId(number):
                return self.ids[number]
            case Moment(after):
                return self.now + after
            case FreshDigest(number):
                return digest(self.tokens[number])
            case FreshHex(number, length):
                return self.hexes[number][:length]
        return filled(source, self.value)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def fresh_id() -> UUID:
    """In the order of time, as the service's are: an index grows at its end."""
    raw = (int(time.time() * 1_000) << 80) | secrets.randbits(80)
    return UUID(int=raw & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def arguments(sources: Sequence[Source], value: Callable[[Source], Any]) -> list[Any]:
    return [one.value if isinstance(one, Constant) else value(one) for one in sources]


class Lines:
    """Connections that are kept, opened as they are first needed; whoever comes beyond them waits."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._free: list[asyncpg.Connection] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._room:
            connection = self._free.pop() if self._free else await connect(self._database)
            try:
                yield connection
            except BaseException:
                await connection.close()
                raise
            self._free.append(connection)


async def connect(database: str) -> asyncpg.Connection:
    return await asyncpg.connect(database, statement_cache_size=STATEMENTS, server_settings=SERVER_SETTINGS)


async def play(connection: asyncpg.Connection, script: Script, given: Given) -> Play:
    """Raises Missing."""
    played = Play(script, given)
    for step in script.steps:
        rows: Sequence[Any] = ()
        if not step.bound:
            await connection.execute(step.statement)
        elif step.many:
            await connection.executemany(step.statement, [arguments(one, played.value) for one in step.bound])
        else:
            rows = await connection.fetch(step.statement, *arguments(step.bound[0], played.value))
        if step.rows and not rows:
            raise Missing(step.statement)
        played.rows.append(rows)
    return played
