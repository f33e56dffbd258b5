"""Alembic's environment: the address comes from the caller or the settings; one lock, under which replicas do not collide."""

import asyncio
import time

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import app.tables  # noqa: F401 - fills the metadata
from app.db import acting, addresses
from app.settings import Settings

MIGRATION_LOCK = 7_236_401_220_261_124  # any number that nothing else uses
IN_THE_WAY = {"40P01", "55P03"}  # a deadlock, a lock that was not to be had
TRIES, PAUSE_SECONDS = 10, 0.5


def ours(name: str | None, kind: str, parents: object) -> bool:
    """The queue's schema is PgQueuer's own; autogenerate compares what is in `public`."""
    return kind != "schema" or name in (None, "public")


def refuse_newer() -> None:
    """A schema of a later release is nothing that this program may work on: it could only lead back what it does not know."""
    known = {revision.revision for revision in context.script.walk_revisions()}
    unknown = ", ".join(sorted(set(context.get_context().get_current_heads()) - known))
    if unknown:
        raise SystemExit(f"数据库结构 {unknown} 比程序新，请使用新版程序 / the database's schema {unknown} is newer than this program")


def configure(connection: Connection, *, by_step: bool) -> None:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, include_name=ours, include_schemas=False,
        transaction_per_migration=by_step, compare_type=True, compare_server_default=True,
    )


def run(connection: Connection) -> None:
    """Over a connection that the caller has, in one transaction."""
    configure(connection, by_step=False)
    with context.begin_transaction():
        connection.execute(sa.text("set local lock_timeout = '60s'"))
        connection.execute(sa.text(f"select pg_advisory_xact_lock({MIGRATION_LOCK})"))
        connection.execute(sa.text("set local lock_timeout = '5s'"))
        refuse_newer()
        context.run_migrations()


def run_by_steps(connection: Connection) -> None:
    """Each step commits: nobody waits longer for what it locks than it takes. Where a release breaks off, the one before goes on beside
    what is there, as it does beside all of it, and the next attempt begins at the missing step."""
    for statement in ("set lock_timeout = '60s'", f"select pg_advisory_lock({MIGRATION_LOCK})", "set lock_timeout = '5s'"):
        connection.execute(sa.text(statement))
    connection.commit()
    give_way(connection)
    for attempt in range(1, TRIES + 1):
        configure(connection, by_step=True)
        refuse_newer()
        try:
            with context.begin_transaction():
                context.run_migrations()
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in IN_THE_WAY or attempt == TRIES:
                raise
            connection.rollback()
            time.sleep(PAUSE_SECONDS)


def give_way(connection: Connection) -> None:
    """A step that locks two tables can meet requests that have them in the other order. Who looks for it first is the one that ends: this
    one looks long before they do, and tries the step again. A login that may not say so waits as long as everybody."""
    try:
        connection.execute(sa.text("set deadlock_timeout = '200ms'"))
        connection.commit()
    except DBAPIError:
        connection.rollback()


async def run_alone(url: str) -> None:
    engine = create_async_engine(
        addresses.engine_url(url), poolclass=sa.NullPool,
        connect_args={"server_settings": acting.start_settings(acting.SERVICE)},
    )
    async with engine.connect() as connection:
        await connection.run_sync(run_by_steps)
        await connection.commit()
    await engine.dispose()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=SQLModel.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif given is not None:
    run(given)
else:
    address = context.config.attributes.get("url") or Settings().database_url
    if not address:
        raise SystemExit("set XINXIN_DATABASE_URL, or use scripts/manage migrate")
    asyncio.run(run_alone(address))
