"""The migration to rules with validity over awards of the previous release, down and up again, and what that release still writes."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db import migrate
from app.db import session as db_session
from tests.conftest import new_database

MEMBER, AREA, CHECKIN, REPORT = (uuid4() for _ in range(4))
# As the previous release writes them, with references that this test does not need.
AWARD = (
    "insert into points_award"
    " (id, member_id, rule_code, rule_version, source_type, source_id, filed_on, credited, withheld, transaction_id)"
    " values (gen_random_uuid(), '{member}', '{rule}', 1, '{kind}', '{source}', '2026-03-01', {credited}, {withheld}, {line})"
)
SEEN = sa.text("""
select rule_code, credited, once_key, units, units_credited, area_path, withheld_cap from points_award order by rule_code, credited desc""")
CAPS = sa.text("select code, version, per_day, per_month, per_year, valid_from from points_cap order by code")


def to(revision: str, *, down: bool = False) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def award(connection: AsyncConnection, rule: str, kind: str, source: object, credited: int) -> None:
    told = {"member": MEMBER, "rule": rule, "kind": kind, "source": source, "credited": credited, "withheld": 0 if credited else 50}
    await connection.execute(sa.text("set local session_replication_role = replica"))
    await connection.execute(sa.text(AWARD.format(**told, line=f"'{uuid4()}'" if credited else "null")))
    await connection.execute(sa.text("set local session_replication_role = origin"))


@pytest.fixture
async def engine(worker_id: str) -> AsyncIterator[AsyncEngine]:
    url = await new_database(f"xinxin_points_rules_{worker_id}")
    opened = db_session.connect(url, info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    async with opened.engine.begin() as connection:
        await connection.run_sync(to("0028"))
        await connection.execute(sa.text("set local session_replication_role = replica"))
        await connection.execute(sa.text(
            "insert into community_checkin (id, kind, status, member_id, reported_by, area_id, area_path, decided_by, decided_at, version)"
            f" values ('{CHECKIN}', 'member', 'confirmed', '{MEMBER}', '{MEMBER}', '{AREA}', '1/', '{MEMBER}', now(), 1)"
        ))
        await award(connection, "COMMUNITY_CHECKIN", "checkin", CHECKIN, 50)
        await award(connection, "COMMUNITY_CHECKIN", "checkin", uuid4(), 0)
        await award(connection, "REPORT_ACCEPTED", "report", REPORT, 10)
    yield opened.engine
    await opened.close()


async def test_up_down_and_up_again(engine: AsyncEngine) -> None:
    """What was paid once for a community is known to be; history is guarded again afterwards."""
    known = [
        ("COMMUNITY_CHECKIN", 50, f"community:{AREA}:2026", 1, 1, None, None), ("COMMUNITY_CHECKIN", 0, None, 1, 1, None, None),
        ("REPORT_ACCEPTED", 10, None, 1, 1, None, None),
    ]
    for down in (False, True, False):
        async with engine.begin() as connection:
            await connection.run_sync(to("0028" if down else "0029", down=down))
    async with engine.begin() as connection:
        assert [tuple(row) for row in (await connection.execute(SEEN)).all()] == known
        assert [tuple(row) for row in (await connection.execute(CAPS)).all()] == [
            ("ADJUSTMENT_PER_MAKER", 1, None, 5_000, None, None), ("ADJUSTMENT_PER_MEMBER", 1, None, 1_000, None, None),
            ("GLOBAL", 1, 200, 2_000, 12_000, None),
        ]
        with pytest.raises(DBAPIError, match="append-only"):
            async with connection.begin_nested():
                await connection.execute(sa.text("update points_award set credited = 1"))


async def test_the_previous_release_goes_on_writing(engine: AsyncEngine) -> None:
    """It knows none of the new columns, and reads a rule by its version alone."""
    async with engine.begin() as connection:
        await connection.run_sync(to("0029"))
        await award(connection, "REPORT_CLOSED", "report", REPORT, 10)
        await connection.execute(sa.text(
            "insert into points_rule (id, code, version, title, points, conditions)"
            " values (gen_random_uuid(), 'REPORT_CLOSED', 2, '办结', 12, '{}')"
        ))
        written = (await connection.execute(SEEN)).all()[-1]
        assert tuple(written) == ("REPORT_CLOSED", 10, None, 1, 1, None, None)
