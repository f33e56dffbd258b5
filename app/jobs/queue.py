"""PgQueuer, in a schema of its own and through our transactions."""

import re
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings

from app.db.prepared import Prepared
from app.db.session import AsyncSession

COLON, TYPED, NUMBERED = re.compile(r"(?<!:):(?=\w)"), re.compile(r"\$(\d+)::([\w.]+(?:\[\])?)"), re.compile(r"\$(\d+)")
SCHEMA = "jobs"
SETTINGS = DBSettings(db_schema=SCHEMA)
ENVIRONMENT, BUILDER, SCHEDULES = QueryBuilderEnvironment(SETTINGS), QueryQueueBuilder(SETTINGS), QuerySchedulerBuilder(SETTINGS)


class SessionDriver:
    """A PgQueuer driver that speaks through an AsyncSession: a job is in the very transaction of the rows that caused it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def fetch(self, query: str, *args: Any) -> list[dict[str, Any]]:
        values = {f"v{number}": value for number, value in enumerate(args, start=1)}
        return [dict(row) for row in await _prepared(query).all(self._session, **values)]

    async def execute(self, query: str, *args: Any) -> str:
        connection = await self._session.connection()
        return str((await connection.exec_driver_sql(query, args)).rowcount)


@lru_cache(maxsize=32)
def _prepared(query: str) -> Prepared:
    """PgQueuer's text with its numbered values named."""
    named = NUMBERED.sub(r":v\1", TYPED.sub(r"cast($\1 as \2)", COLON.sub(r"\\:", query)))
    return Prepared(sa.text(named))


def queries_over(driver: Any) -> Queries:
    return Queries(driver, qbe=ENVIRONMENT, qbq=BUILDER, qbs=SCHEDULES)


def install_statements() -> str:
    """The DDL of the queue, for a migration."""
    return str(ENVIRONMENT.build_install_query())
