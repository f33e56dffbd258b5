"""Whether a database is already what a start would make of it, asked of the driver alone: to load Alembic, every table and the demo takes
longer than all the rest of a start."""

from pathlib import Path

import asyncpg

from app.db import addresses

VERSIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"
ASK_SECONDS = 5.0
UNANSWERED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def newest() -> str:
    """The number of this release's last migration, as the files' names have it (`DATE_NUMBER_words.py`)."""
    return max(path.name.split("_")[1] for path in VERSIONS.glob("*_*.py"))


async def stands(url: str, *, county: str | None) -> bool:
    """Is it at the schema of this release, with that county where one is named? What cannot be asked does not stand."""
    try:
        connection = await asyncpg.connect(addresses.plain(url), timeout=ASK_SECONDS, command_timeout=ASK_SECONDS)
    except UNANSWERED:
        return False
    try:
        if await connection.fetchval("select array_agg(version_num::text) from alembic_version") != [newest()]:
            return False
        return county is None or await connection.fetchval("select exists (select from area where path = $1)", f"{county}/")
    except UNANSWERED:
        return False
    finally:
        await connection.close()
