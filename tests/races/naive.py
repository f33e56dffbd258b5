"""The known-bad variants: what the service does in one conditional statement, done as read-then-write by transactions that all read first.

They run on scratch tables in the service's own database, and must fail the very judgement that the service passes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg

CONTENDERS = 12


class Scratch:
    """One table with one row, and contenders that meet between their read and their write."""

    def __init__(self, address: str, table: str) -> None:
        self.address = address
        self.table = table

    async def value(self, sql: str) -> int:
        connection = await asyncpg.connect(self.address)
        try:
            return int(await connection.fetchval(sql.format(table=self.table)))
        finally:
            await connection.close()

    async def race(self, reads: str, *, may: Callable[[Any], bool], writes: list[str], loser: str) -> list[str]:
        """Each contender reads, waits for all to have read, and writes when what it read allows it. `writes` are taken in turn."""
        barrier = asyncio.Barrier(CONTENDERS)
        async with asyncio.timeout(30):
            return list(
                await asyncio.gather(*(self._one(barrier, reads, may, writes[n % len(writes)], loser) for n in range(CONTENDERS)))
            )

    async def _one(self, barrier: asyncio.Barrier, reads: str, may: Callable[[Any], bool], writes: str, loser: str) -> str:
        connection = await asyncpg.connect(self.address)
        try:
            async with connection.transaction():
                seen = await connection.fetchval(reads.format(table=self.table))
                await barrier.wait()
                if not may(seen):
                    return loser
                await connection.execute(writes.format(table=self.table))
                return "ok"
        finally:
            await connection.close()


@asynccontextmanager
async def scratch(address: str, columns: str, row: str) -> AsyncIterator[Scratch]:
    table = f"scratch_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(f"create table {table} ({columns}); insert into {table} values ({row})")
        yield Scratch(address, table)
    finally:
        await connection.execute(f"drop table {table}")
        await connection.close()
