"""PgQueuer on its tables: for those that take jobs out."""

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings

from app.jobs.tables import SCHEMA

SETTINGS = DBSettings(db_schema=SCHEMA)
ENVIRONMENT, BUILDER, SCHEDULES = QueryBuilderEnvironment(SETTINGS), QueryQueueBuilder(SETTINGS), QuerySchedulerBuilder(SETTINGS)


def install_statements() -> str:
    """The DDL of the queue, for a migration."""
    return str(ENVIRONMENT.build_install_query())
