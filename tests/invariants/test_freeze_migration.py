"""The migration to freezes over lapses of the previous release, down and up again: each lapse has its one event in the trail."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import migrate
from app.db import session as db_session
from tests.conftest import new_database

LAPSE = """
insert into points_transaction (id, member_id, kind, amount, held, balance_after, account_version, reason_code, reference_type,
                                reference_id, created_at)
values (gen_random_uuid(), :member, 'expire', -30, 0, 0, :version, 'lapsed', 'lapse', gen_random_uuid(), now() - interval '1 day')"""
EVENTS = """
select e.object_id = t.reference_id, e.created_at = t.created_at, e.facts ->> 'member_id' = t.member_id::text, (e.facts ->> 'points')::int
  from points_transaction t left join audit_event e on e.action = 'points.lapse' and e.object_id = t.reference_id
 order by account_version"""


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


@pytest.fixture
async def connection(worker_id: str) -> AsyncIterator[AsyncConnection]:
    url = await new_database(f"xinxin_freezes_{worker_id}")
    opened = db_session.connect(url, info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    async with opened.engine.begin() as connection:
        await connection.run_sync(to("0032"))
        yield connection
    await opened.close()


async def test_up_down_and_up_again(connection: AsyncConnection) -> None:
    made = await connection.execute(
        sa.text("insert into account (id, kind, status, version) values (gen_random_uuid(), 'wechat', 'active', 1) returning id")
    )
    member = made.scalar_one()
    for version in (1, 2):
        await connection.execute(sa.text(LAPSE), {"member": member, "version": version})
    await connection.run_sync(to("0033"))
    assert [tuple(row) for row in await connection.execute(sa.text(EVENTS))] == [(True, True, True, 30)] * 2
    await connection.execute(sa.text(LAPSE), {"member": member, "version": 3})  # as the previous release goes on writing it
    await connection.run_sync(to("0032", down=True))
    assert (await connection.execute(sa.text("select to_regclass('points_freeze')"))).scalar_one() is None
    await connection.run_sync(to("0033"))
    assert [tuple(row) for row in await connection.execute(sa.text(EVENTS))] == [(True, True, True, 30)] * 3
