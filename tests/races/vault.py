"""The ledger in a database of its own, behind two pools as two processes have them; and contenders that all begin at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from app.db import session as db_session
from app.db.base import new_id
from app.parts import session_info
from app.settings import Settings
from tests.support.bank import Bank, Work, broken_books, insisting, open_branch

Result = TypeVar("Result")
POOLS, MEMBERS = 2, 8
PATIENCE = 60.0


@dataclass(frozen=True)
class Vault:
    """`tellers` are the same bank, each behind a pool of its own. `address` is the owner's."""

    address: str
    tellers: Sequence[Bank]

    @property
    def members(self) -> list[UUID]:
        return self.tellers[0].branch.members

    def teller(self, number: int) -> Bank:
        return self.tellers[number % POOLS]

    async def findings(self) -> list[str]:
        return await broken_books(self.tellers[0].database)

    async def standing(self, member_id: UUID) -> tuple[int, int, int]:
        found = (await self.tellers[0].standings())[member_id]
        return found.available, found.held, found.debt

    async def lines(self, member_id: UUID) -> list[tuple[str, int]]:
        return [(kind, amount) for _, kind, amount, _, _ in (await self.tellers[0].standings())[member_id].lines]

    async def execute(self, statement: str) -> None:
        """As the owner of the tables."""
        connection = await asyncpg.connect(self.address)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def copied(template: str, settings: Settings) -> AsyncIterator[Vault]:
    """A bank in a copy of a migrated database to which nobody is connected; the copy is dropped at the end."""
    url = sa.make_url(template)
    name = f"{url.database}_{new_id().hex[-8:]}"
    address = url.set(database=name).render_as_string(hide_password=False)
    await _run(url.set(database="postgres"), f'create database "{name}" template "{url.database}"')
    try:
        async with AsyncExitStack() as stack:
            databases = [db_session.connect(address, info=session_info(settings), pool_size=8) for _ in range(POOLS)]
            for database in databases:
                stack.push_async_callback(database.close)
            async with databases[0].transaction() as session:
                branch = await open_branch(session, settings, members=MEMBERS)
            yield Vault(address, [Bank(database, branch) for database in databases])
    finally:
        await _run(url.set(database="postgres"), f'drop database "{name}" with (force)')


async def _run(url: sa.URL, statement: str) -> None:
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def all_at_once(works: Sequence[Work[Result]]) -> list[Result]:
    """Their results, in order. Whoever hears that the database is busy asks again, as a client does."""
    begin = asyncio.Event()

    async def one(work: Work[Result]) -> Result:
        await begin.wait()
        return await insisting(work)

    async with asyncio.timeout(PATIENCE):
        waiting = [asyncio.ensure_future(one(work)) for work in works]
        await asyncio.sleep(0)
        begin.set()
        return list(await asyncio.gather(*waiting))




