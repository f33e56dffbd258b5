"""The application's database for a test: every session is a savepoint inside the test's own transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker

from app.db import acting
from app.db.acting import Acting
from app.db.session import AsyncSession, Database


class OneConnection(Database):
    def __init__(self, connection: AsyncConnection, info: dict[str, Any]) -> None:
        super().__init__(connection.engine, info)
        self.one = connection
        options: dict[str, Any] = {"class_": AsyncSession, "expire_on_commit": False, "join_transaction_mode": "create_savepoint"}
        self._session = async_sessionmaker(connection, **options)
        self._reader = async_sessionmaker(connection, autoflush=False, **options)

    def reader(self) -> AsyncSession:
        return self._reader(info=dict(self._info))  # what it says for row security ends with its savepoint

    @asynccontextmanager
    async def snapshot(self, connections: int = 1) -> AsyncIterator[list[AsyncConnection]]:
        """The test's own connection, the only one that sees its rows; what is set in it meanwhile is taken back."""
        taken_back = await self.one.begin_nested()
        yield [self.one]
        await taken_back.rollback()


def as_nobody(application: Any, connection: AsyncConnection) -> Any:
    """The application, whose requests find the connection as they would find one of the API's pool: acting for nobody."""

    saying = asyncio.Lock()  # a test may put many connections in place of the one, and call at once

    async def served(scope: Any, receive: Any, send: Any) -> None:
        async with saying:
            await say(connection, acting.NOBODY)
        try:
            await application(scope, receive, send)
        finally:
            async with saying:
                await say(connection, acting.SERVICE)

    return served


async def say(connection: AsyncConnection, told: Acting) -> None:
    """Behind SQLAlchemy's back: tests count statements."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    said = acting.start_settings(told) | {"role": told.role}
    await driver.execute("select " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in said.items()))


def served_over(application: Any, database: OneConnection) -> httpx.ASGITransport:
    """Puts the application over a test's one connection. A request acts for whom it says, a test between two for the service."""
    application.state.database = database.carrying(**{acting.DEFAULT: acting.NOBODY})
    return httpx.ASGITransport(app=as_nobody(application, database.one))
