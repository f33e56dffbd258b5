"""The migration to versions over data of the previous release, down and up again; and what its triggers refuse in a race."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db import migrate
from app.db import session as db_session
from tests.conftest import new_database

VERSIONS = sa.text("select category_code, version, points, kind, guidance_mode from report_category_version order by 1, 2")
CHILD = sa.text(
    "with made as (insert into report_category (code, parent_code, name, severity, points, limits, position, active)"
    " values ('child', 'lone', '子类', 'normal', 10, '{}', 0, true) returning *)"
    " insert into report_category_version (category_code, version, parent_code, name, severity, kind, limits, guidance_mode, exact_place,"
    " position, active) select code, 1, parent_code, name, severity, 'event', limits, 'none', 'everyone', position, active from made"
)
REPORT = sa.text(
    "insert into report (id, number, member_id, status, version, category_code, severity, text_check, community_id, area_path, lng, lat,"
    " late, reopen_count, rework_count, extension_count) select gen_random_uuid(), left(gen_random_uuid()::text, 20), a.id, 'submitted', 1,"
    " 'lone', 'normal', 'pending', c.id, c.path, 116.7, 35.5, false, 0, 0, 0 from account a, area c limit 1"
)
FORGETFUL = """
create or replace function report_category_parent() returns trigger language plpgsql as $$
begin
  if exists (select 1 from report where category_code = new.parent_code) then
    raise exception 'a category with reports gets no children' using errcode = 'check_violation';
  end if;
  return new;
end $$
"""


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def ran(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(sa.text(statement))


@pytest.fixture
async def engine(worker_id: str) -> AsyncIterator[AsyncEngine]:
    """A database as the previous release left it: somebody set points by hand, and added a category that no group has."""
    url = await new_database(f"xinxin_categories_{worker_id}")
    opened = db_session.connect(url, info={}, pool_size=3, statement_timeout_ms=60_000, role=None)
    async with opened.engine.begin() as connection:
        await connection.run_sync(to("0017"))
        await ran(
            connection,
            "update report_category set points = 25 where code = 'road_hole'",
            "insert into report_category (code, name, severity, points, limits, position, active)"
            " values ('lone', '其他', 'normal', 10, '{}', 9, true)",
            f"insert into account (id, kind, status, version) values ('{uuid4()}', 'wechat', 'active', 1)",
            f"insert into area (id, level, code, name, path, version) values ('{uuid4()}', 'county', '370899', '县', '370899/', 1)",
        )
    yield opened.engine
    await opened.close()


async def test_up_down_and_up_again(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(REPORT)
        await connection.run_sync(to("0018"))
        first = (await connection.execute(VERSIONS)).all()
        await connection.execute(REPORT)  # as the previous release goes on writing it
        kept = (await connection.execute(sa.text("select category_version from report"))).scalars().all()
        await connection.run_sync(to("0017", down=True))
        stopping = await connection.execute(sa.text("select count(*) from report_category where code = 'life_in_danger'"))
        await connection.run_sync(to("0018"))
        again = (await connection.execute(VERSIONS)).all()
    assert first == again and stopping.scalar_one() == 0 and kept == [None, None]
    rows = {row.category_code: row for row in first}
    assert (rows["road_hole"].points, rows["lone"].points, rows["gas_smell"].points) == (25, None, None)
    assert rows["life_in_danger"].guidance_mode == "stop" and rows["lone"].kind == "event" and {row.version for row in first} == {1}


async def both(engine: AsyncEngine, first: sa.TextClause, second: sa.TextClause, *, patience: float) -> list[str]:
    """The second comes while the first has not committed; which of them the database let through."""
    let: list[str] = []
    async with engine.connect() as one, engine.connect() as other:
        await one.execute(first)
        waiting = asyncio.ensure_future(other.execute(second))
        await asyncio.wait({waiting}, timeout=patience)  # how long decides nothing: who comes after the commit is refused as well
        await one.commit()
        let.append("first")
        try:
            await waiting
            await other.commit()
            let.append("second")
        except IntegrityError as error:
            assert "gets no children" in str(error.orig) or "only leaves" in str(error.orig)
            await other.rollback()
    return let


ORDERS = {"a report, then a child": (REPORT, CHILD), "a child, then a report": (CHILD, REPORT)}


@pytest.mark.parametrize("order", ORDERS)
async def test_a_child_and_a_report_at_once(engine: AsyncEngine, order: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(to("0018"))
    assert await both(engine, *ORDERS[order], patience=0.5) == ["first"]


@pytest.mark.parametrize(
    ("order", "broken"),
    [("a report, then a child", FORGETFUL), ("a child, then a report", "drop trigger tg_report_leaf on report")],
)
async def test_without_the_lock_or_the_look_both_get_through(engine: AsyncEngine, order: str, broken: str) -> None:
    """The known-bad variants of the test above: a parent that is not locked, a report that nobody looks at."""
    async with engine.begin() as connection:
        await connection.run_sync(to("0018"))
        await ran(connection, broken)
    assert await both(engine, *ORDERS[order], patience=1.5) == ["first", "second"]
