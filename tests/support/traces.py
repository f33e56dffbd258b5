"""What a step has left in the database: looked for in every table, and taken back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

# What may be written although a step was refused: who tried, how often, and what was answered.
BESIDE = {"audit_event", "idempotency_key", "seal_pending", "throttle_hit", "verification_guess"}
TABLES = sa.text(
    "select format('%I.%I', n.nspname, c.relname), c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')"
)
DIGEST = "select '{0}', coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {0} t"


@asynccontextmanager
async def undone(connection: AsyncConnection) -> AsyncIterator[None]:
    savepoint = await connection.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


async def fingerprint(connection: AsyncConnection) -> dict[str, str]:
    """A digest of every table but those beside; messages and jobs among them."""
    names = await connection.execute(TABLES)
    tables = " union all ".join(DIGEST.format(full) for full, name in names.all() if name not in BESIDE)
    return {row[0]: row[1] for row in await connection.execute(sa.text(tables))}


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [table for table in before if after[table] != before[table]]
