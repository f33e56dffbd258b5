"""PgQueuer, in a schema of its own and through our transactions."""

from typing import Any

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings

from app.db.session import AsyncSession

SCHEMA = "jobs"
SETTINGS = DBSettings(db_schema=SCHEMA)
ENVIRONMENT, BUILDER, SCHEDULES = QueryBuilderEnvironment(SETTINGS), QueryQueueBuilder(SETTINGS), QuerySchedulerBuilder(SETTINGS)


class SessionDriver:
    """A PgQueuer driver that speaks through an AsyncSession: a job is in the very transaction of the rows that caused it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        connection = await self._session.connection()
        return [dict(row) for row in (await connection.exec_driver_sql(query, args)).mappings()]

    async def execute(self, query: str, *args: Any) -> str:
        connection = await self._session.connection()
        return str((await connection.exec_driver_sql(query, args)).rowcount)


def install_statements() -> str:
    """The DDL of the queue, for a migration."""
    return str(ENVIRONMENT.build_install_query())
