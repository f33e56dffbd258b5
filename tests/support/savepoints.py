"""The application's database for a test: every session is a savepoint inside the test's own transaction."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker

from app.db.session import AsyncSession, Database


class OneConnection(Database):
    def __init__(self, connection: AsyncConnection, info: dict[str, Any]) -> None:
        super().__init__(connection.engine, info)
        options: dict[str, Any] = {"class_": AsyncSession, "expire_on_commit": False, "join_transaction_mode": "create_savepoint"}
        self._session = async_sessionmaker(connection, **options)
        self._reader = async_sessionmaker(connection, autoflush=False, **options)
