"""The application's database for a test: every session is a savepoint inside the test's own transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker

from app.db.session import AsyncSession, Database


class OneConnection(Database):
    def __init__(self, connection: AsyncConnection, info: dict[str, Any]) -> None:
        super().__init__(connection.engine, info)
        self._connection = connection
        options: dict[str, Any] = {"class_": AsyncSession, "expire_on_commit": False, "join_transaction_mode": "create_savepoint"}
        self._session = async_sessionmaker(connection, **options)
        self._reader = async_sessionmaker(connection, autoflush=False, **options)

    @asynccontextmanager
    async def snapshot(self, connections: int = 1) -> AsyncIterator[list[AsyncConnection]]:
        """The test's own connection, the only one that sees its rows; what is set in it meanwhile is taken back."""
        taken_back = await self._connection.begin_nested()
        yield [self._connection]
        await taken_back.rollback()
