"""What is updated all day long is updated in place (HOT): no index is over what changes, and pages keep room for the next version."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db.session import AsyncSession
from tests.auth.calls import API, sign_in
from tests.redemptions.conftest import Shop, shop
from tests.reports.conftest import scene
from tests.reports.scene import Scene
from tests.support.owner import as_owner
from tests.support.simulator import RunningSimulator

__all__ = ["scene", "shop"]

IN_PLACE = {
    "auth_session", "budget_member", "budget_month", "points_balance", "refresh_token", "report_cell", "report_fact", "report_hours",
    "report_summary", "reward_stock",
}
ROOMY = IN_PLACE | {"message_grant", "reward_member_usage", "reward_stock_day", "reward_store_usage", "store_visit_day"}
# The columns that an index is over: as its keys, and in its expressions and its condition.
INDEXED = sa.text("""
select c.relname, a.attname
  from pg_index x join pg_class c on c.oid = x.indrelid join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
 where c.relname = any(cast(:tables as text[])) and (a.attnum = any(x.indkey) or exists (
   select from pg_depend d where d.objid = x.indexrelid and d.refobjid = c.oid and d.refobjsubid = a.attnum))""")
# In the open transaction, and in those before it that the server has not added up yet.
UPDATED = sa.text("""
select pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid) from pg_class where relname = :table""")
ROOM = sa.text("""
select relname from pg_class cross join lateral pg_options_to_table(reloptions)
 where relkind = 'r' and option_name = 'fillfactor' and option_value::int < 90""")
TOKENS = sa.text("""
insert into refresh_token (id, session_id, hash, state, expires_at)
select gen_random_uuid(), (select id from auth_session order by id desc limit 1), sha256(n::text::bytea), 'active', now()
  from generate_series(1, 600) n""")
ONE_A_PAGE = sa.text("""
update refresh_token set state = 'superseded', superseded_at = now() where id in (
  select distinct on ((ctid::text::point)[0]) id from refresh_token)""")
RunJob = Callable[..., Awaitable[None]]


class Watch:
    """Of the rows that stay, the columns that change from look to look, by table."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.changed: defaultdict[str, set[str]] = defaultdict(set)
        self._rows: defaultdict[str, dict[Any, dict[str, Any]]] = defaultdict(dict)

    async def look(self, tables: Collection[str] = IN_PLACE) -> None:
        await self.session.flush()
        for table in tables:
            key = [column.name for column in SQLModel.metadata.tables[table].primary_key]
            found = (await self.session.exec(sa.text(f"select to_jsonb(t) from {table} t"))).scalars().all()
            rows = {tuple(row[name] for name in key): row for row in found}
            for same in rows.keys() & self._rows[table].keys():
                self.changed[table] |= {name for name, value in rows[same].items() if value != self._rows[table][same][name]}
            self._rows[table] = rows

    async def indexed(self) -> dict[str, set[str]]:
        """What changed although an index is over it: an update of it is written into every index."""
        found = (await self.session.exec(INDEXED, params={"tables": sorted(self.changed)})).all()
        bad = {table: {name for of, name in found if of == table} & names for table, names in self.changed.items()}
        return {table: names for table, names in bad.items() if names}


async def updates(session: AsyncSession, table: str) -> tuple[int, int]:
    """Rows that were updated, and how many of them in place."""
    await session.flush()
    updated, hot = (await session.exec(UPDATED, params={"table": table})).one()
    return updated, hot


async def filed_and_counted(scene: Scene, watch: Watch, run_job: RunJob) -> str:
    """Two reports, one after the other; the second is accepted."""
    for _ in range(2):
        report: str = (await scene.file())["id"]
        await run_job("statistics.roll_up")
        await watch.look()
    await scene.lead(report, "accepted")
    await run_job("statistics.roll_up")
    await watch.look()
    return report


async def refreshed(client: httpx.AsyncClient, simulator: RunningSimulator, watch: Watch) -> None:
    token = (await sign_in(client, simulator, "刷新的骑手"))["refresh_token"]
    await watch.look()
    assert (await client.post(f"{API}/auth/refresh", json={"refresh_token": token})).status_code == 200
    await watch.look()


async def ordered(shop: Shop, watch: Watch, run_job: RunJob) -> None:
    reward = await shop.reward(stock=10)
    for _ in range(2):
        assert (await shop.verify((await shop.order(reward))["code"])).status_code == 200
        await run_job("budget.count")
        await watch.look()


async def test_no_index_is_over_what_changes(
    shop: Shop, scene: Scene, client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession, run_job: RunJob
) -> None:
    watch = Watch(session)
    await refreshed(client, simulator, watch)
    await ordered(shop, watch, run_job)
    report = await filed_and_counted(scene, watch, run_job)
    (sums, _), (cells, _) = [await updates(session, table) for table in ("report_summary", "report_cell")]
    await scene.lead(report, "dispatched", since="accepted")
    await run_job("statistics.roll_up")
    await watch.look()
    assert (await updates(session, "report_cell"))[0] == cells, "a step that moves no report changes nothing on the map"
    assert (await updates(session, "report_summary"))[0] - sums <= 20, "counts by status alone"
    for _ in range(2):
        await scene.at("closed")
        await run_job("statistics.roll_up")
        await watch.look(IN_PLACE - {"report_fact"})  # when it is closed, a report comes into another index
    assert watch.changed.keys() == IN_PLACE and all(watch.changed.values()), watch.changed
    assert await watch.indexed() == {}


async def test_an_index_over_what_changes_is_noticed(scene: Scene, session: AsyncSession, run_job: RunJob) -> None:
    """The known-bad variant: the index that was there, in which no row of these counts ever stood."""
    async with as_owner(session):
        await session.exec(sa.text("create index again on report_summary (filed) where received = 0"))
    watch = Watch(session)
    await filed_and_counted(scene, watch, run_job)
    assert await watch.indexed() == {"report_summary": {"filed", "received"}}


@pytest.mark.parametrize("percent", [None, 100])
async def test_full_pages_have_room(
    session: AsyncSession, client: httpx.AsyncClient, simulator: RunningSimulator, percent: int | None
) -> None:
    """With 100, the known-bad variant, a row of a full page moves to another one; all but the last page are full."""
    await sign_in(client, simulator, "刷新的骑手")
    async with as_owner(session):
        await session.exec(sa.text("truncate refresh_token"))  # fresh pages, whatever earlier tests have left
        if percent:
            await session.exec(sa.text(f"alter table refresh_token set (fillfactor = {percent})"))
    await session.exec(TOKENS)
    before = await updates(session, "refresh_token")
    await session.exec(ONE_A_PAGE)
    updated, hot = (after - so_far for after, so_far in zip(await updates(session, "refresh_token"), before, strict=True))
    assert updated > 5 and (hot <= 1 if percent else hot == updated), (updated, hot)


async def test_hot_tables_keep_room(session: AsyncSession) -> None:
    found: Any = await session.exec(ROOM)
    assert set(found.scalars().all()) >= ROOMY
