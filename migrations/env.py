"""Alembic's environment: the address comes from the caller or the settings, everything runs in one transaction under one lock."""

import asyncio

import sqlalchemy as sa
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import app.tables  # noqa: F401 - fills the metadata
from app.db import addresses
from app.settings import Settings

MIGRATION_LOCK = 7_236_401_220_261_124  # any number that nothing else uses


def ours(name: str | None, kind: str, parents: object) -> bool:
    """The queue's schema is PgQueuer's own; autogenerate compares what is in `public`."""
    return kind != "schema" or name in (None, "public")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, include_name=ours, include_schemas=False, transaction_per_migration=False,
        compare_type=True, compare_server_default=True,
    )
    with context.begin_transaction():
        connection.execute(sa.text("set local lock_timeout = '60s'"))
        connection.execute(sa.text(f"select pg_advisory_xact_lock({MIGRATION_LOCK})"))
        connection.execute(sa.text("set local lock_timeout = '5s'"))
        context.run_migrations()


async def run_alone(url: str) -> None:
    engine = create_async_engine(addresses.engine_url(url), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
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
