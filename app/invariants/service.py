"""Running the checks on one snapshot."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.db.session import Database
from app.invariants.checks import CHECKS


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant: how many rows break it, and one of them."""

    invariant: str
    count: int
    sample: str


async def check_all(database: Database) -> list[Finding]:
    """Every broken invariant, judged on one repeatable-read snapshot: writes that go on meanwhile cannot mislead it."""
    findings = []
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await connection.execute(sa.text("set local statement_timeout = '300s'"))
        for check in CHECKS:
            found = (await connection.execute(sa.text(f"select count(*), min(v) from ({check.sql}) as violations (v)"))).one()
            if found[0]:
                findings.append(Finding(f"{check.code} {check.means}", found[0], found[1]))
    return findings
