"""A generated county: clean books, right figures, whole references, and rows as the service itself writes them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app import cli, clock
from app.db import session as db_session
from app.db.session import AsyncSession, Database
from app.demo import cast as casts
from app.demo import lives, people, photos
from app.demo import plan as county_plan
from app.demo.generating import closing, running
from app.demo.generating.plan import LANES, REPORTS_A_MEMBER, Plan
from app.demo.lives import Life
from app.invariants import service as invariants_service
from app.parts import session_info
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind
from app.redemptions import service as redemptions_service
from app.redemptions import till
from app.redemptions.models import SettlementStatus, Status
from app.settings import Settings
from app.statistics import rebuilding
from app.storage.store import ObjectStore
from app.uploads import keeping
from tests.conftest import migrated_database

pytestmark = pytest.mark.xdist_group("demo")
REPORTS, ENTRIES, SEED = 300, 6_000, 3
MEMBERS = REPORTS // REPORTS_A_MEMBER
REFERENCES = sa.text("""
select conname, conrelid::regclass::text as own, confrelid::regclass::text as other,
       (select array_agg(attname::text order by at) from unnest(conkey) with ordinality as k (number, at)
          join pg_attribute a on a.attrelid = conrelid and a.attnum = k.number) as columns,
       (select array_agg(attname::text order by at) from unnest(confkey) with ordinality as k (number, at)
          join pg_attribute a on a.attrelid = confrelid and a.attnum = k.number) as keys
  from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace""")
EARNED = "join points_transaction t on t.id = o.transaction_id where t.reference_id = :id"
# Rows of one report, told apart by one column. (In the demo the verdict on a text has somebody who acts; WeChat's comes from a job.)
WRITTEN = {
    "report_event": ("command", "select e.* from report_event e where report_id = :id"),
    "report_clock": ("stage", "select c.* from report_clock c where report_id = :id"),
    "audit_event": ("action", "select a.* from audit_event a where object_id = :id and action <> 'report.judge_text'"),
    "points_award": ("rule_code", "select p.* from points_award p where source_id = :id"),
    "points_transaction": ("rule_code", "select p.* from points_transaction p where reference_id = :id"),
    "points_entry": ("account", f"select o.* from points_entry o {EARNED}"),
    "points_lot": ("amount", f"select o.* from points_lot o {EARNED}"),
    "report_gram": ("made_under", "select g.* from report_gram g where report_id = :id"),
    "report": ("status", "select r.* from report r where id = :id"),
}
# Rows of one order.
ORDERED = {
    "redemption": ("status", "select r.* from redemption r where id = :id"),
    "verification": ("typed", "select v.* from verification v where redemption_id = :id"),
    "points_transaction": ("kind", "select t.* from points_transaction t where reference_id = :id"),
    "points_entry": (
        "account", "select e.* from points_entry e join points_transaction t on t.id = e.transaction_id where t.reference_id = :id"
    ),
    "audit_event": ("action", "select a.* from audit_event a where object_id = :id"),
    "message": ("title", "select m.* from message m where reference_id = :id"),
}
FETCHED = sa.text("""
select r.id from redemption r join verification v on v.id = r.verification_id
 where v.typed and r.version = 2 and (select count(*) from points_entry e join points_transaction t on t.id = e.transaction_id
                                       where t.reference_id = r.id) = 4 limit 1""")
# What retention has done, because there are no photos.
APART = {"originals_dropped_at", "photos_dropped_at"}
PATH = ["submit", "accept", "dispatch", "start", "resolve", "verify", "feedback"]
STRAIGHT = sa.text("""
select r.id from report r join report_event e on e.report_id = r.id
 where r.status = 'closed' and r.satisfied and r.severity = 'normal' and r.place_rounded_at is null
   and not exists (select from report_join j where j.report_id = r.id)
 group by r.id having array_agg(e.command::text order by e.id) = cast(:path as text[]) order by r.id desc limit 1""")


@pytest.fixture(scope="module")
async def own(settings: Settings, worker_id: str) -> Settings:
    url = await migrated_database(f"xinxin_generated_{worker_id}")
    return settings.model_copy(update={"database_url": url})


@pytest.fixture(scope="module")
async def database(own: Settings) -> AsyncIterator[Database]:
    opened = db_session.connect(
        str(own.database_url), info=session_info(own) | {"actor": {"kind": "job"}}, pool_size=2, statement_timeout_ms=60_000, role=None
    )
    yield opened
    await opened.close()


async def _generate(database: Database, own: Settings, **figures: int) -> Plan:
    asked = {"members_asked": MEMBERS, "reports": REPORTS, "entries": ENTRIES, "seed": SEED} | figures
    plan = await running.begin(database, own, **asked)
    for lane in range(LANES):
        await running.fill(database, plan, lane=lane, appid=own.wechat_appid, tell=lambda line: None)
    await running.finish(database, plan, appid=own.wechat_appid, tell=lambda line: None)
    return plan


@pytest.fixture(scope="module")
async def interrupted(database: Database, own: Settings) -> int:
    """How many reports there are after a run whose other lanes died."""
    plan = await running.begin(database, own, members_asked=MEMBERS, reports=REPORTS, entries=ENTRIES, seed=SEED)
    await running.fill(database, plan, lane=0, appid=own.wechat_appid, tell=lambda line: None)
    async with database.session() as session:
        return await _count(session, "report")


@pytest.fixture(scope="module")
async def plan(database: Database, own: Settings, interrupted: int) -> Plan:
    return await _generate(database, own)


async def _count(session: AsyncSession, table: str) -> int:
    return int((await session.exec(sa.text(f"select count(*) from {table}"))).scalar_one())


async def test_books_and_figures_are_right(database: Database, plan: Plan) -> None:
    assert await invariants_service.check_all(database) == []
    async with database.session() as session:
        assert await rebuilding.differences(session) == []
        counts = {table: await _count(session, table) for table in ("report", "report_gram", "report_fact", "report_stale")}
        assert counts == {"report": REPORTS, "report_gram": REPORTS, "report_fact": REPORTS, "report_stale": 0}
        await session.exec(sa.text("delete from report_fact where report_id = (select min(report_id::text)::uuid from report_fact)"))
        assert await rebuilding.differences(session) != [], "figures that are missing are noticed"
        await session.rollback()


async def test_every_reference_leads_somewhere(database: Database, plan: Plan) -> None:
    """The copying does not ask: all foreign keys of the schema are gone through here."""
    async with database.session() as session:
        assert await _dangling(session) == []
        await session.exec(sa.text("set local session_replication_role = replica"))
        await session.exec(sa.text("delete from report_text where id = (select note_id from report_event order by note_id limit 1)"))
        assert await _dangling(session) == ["fk_report_event_note_id_report_text"], "one that leads nowhere is noticed"
        await session.rollback()


async def _dangling(session: AsyncSession) -> list[str]:
    found = []
    for one in (await session.exec(REFERENCES)).all():
        named = " and ".join(f'o."{column}" is not null' for column in one.columns)
        same = " and ".join(f'o."{column}" = t."{key}"' for column, key in zip(one.columns, one.keys, strict=True))
        lost = f"select exists (select from {one.own} o where {named} and not exists (select from {one.other} t where {same}))"
        if (await session.exec(sa.text(lost))).scalar_one():
            found.append(one.conname)
    return found


async def test_a_second_run_adds_nothing_and_other_figures_are_refused(database: Database, own: Settings, plan: Plan) -> None:
    tables = ("account", "report", "report_event", "points_transaction", "audit_event")

    async def counts() -> list[int]:
        async with database.session() as session:
            return [await _count(session, table) for table in tables]

    before = await counts()
    assert await _generate(database, own) == plan
    assert await counts() == before
    for figures, word in (({"reports": REPORTS - 1}, "generated before"), ({"members_asked": MEMBERS - 1}, "at most")):
        with pytest.raises(running.Unsuitable, match=word):
            await _generate(database, own, **figures)
    production = own.model_copy(update={"env": "production"})
    with pytest.raises(running.Unsuitable, match="production"):
        await running.begin(database, production, members_asked=MEMBERS, reports=REPORTS, seed=SEED)


def test_a_run_that_died_goes_on(interrupted: int, plan: Plan) -> None:
    """What the other tests look at was made in two goes."""
    assert 0 < interrupted < REPORTS


async def test_rows_are_those_that_the_service_writes(database: Database, own: Settings, plan: Plan, store: ObjectStore) -> None:
    """One report is led along the straight path by the services: same commands, same columns, same facts."""
    async with database.session() as session:
        generated = (await session.exec(STRAIGHT, params={"path": PATH})).scalar_one()
        wanted, found = await _shape(session, await _lived(session, own, store)), await _shape(session, generated)
        assert found == wanted
        await session.rollback()


async def _lived(session: AsyncSession, own: Settings, store: ObjectStore) -> UUID:
    """A report that was closed as its reporter was satisfied."""
    cast = await casts.gather(session, appid=own.wechat_appid)
    planned = replace(county_plan.reports_of(0)[0], outcome="closed", into=None, category="road_hole")
    rider = county_plan.riders()[planned.rider].person
    await people.enter(session, appid=own.wechat_appid, person=rider, service_version=cast.versions["service"])
    before, after = [await keeping.keep(store, photos.picture(kind)) for kind in (planned.category, photos.AFTER)]
    filed = await lives.file(Life(session, cast, planned), before)
    for step in lives.STEPS["closed"]:
        await step(Life(session, cast, planned, filed, after))
    await session.flush()
    return filed


async def test_orders_are_those_that_the_service_writes(database: Database, own: Settings, plan: Plan) -> None:
    async with database.session() as session:
        generated = (await session.exec(FETCHED)).scalar_one()
        wanted, found = await _shape(session, await _fetched(session, own), ORDERED), await _shape(session, generated, ORDERED)
        assert found == wanted
        await session.rollback()


async def _fetched(session: AsyncSession, own: Settings) -> UUID:
    """A bottle of water, paid for out of one lot."""
    cast = await casts.gather(session, appid=own.wechat_appid)
    rider = county_plan.riders()[0].person
    account_id = await people.enter(session, appid=own.wechat_appid, person=rider, service_version=cast.versions["service"])
    balance, store = await ledger.lock(session, account_id), county_plan.water().stores[0]
    await points_service.credit(
        session, account_id, balance, 20, kind=Kind.ADJUST, reference=ledger.Reference("test", account_id), cause=ledger.Cause("test")
    )
    principal = await cast.play(session, rider)
    placed = await redemptions_service.place(session, principal=principal, reward_id=cast.water, quantity=1)
    code = placed.code
    clerk = await cast.play(session, people.clerk(county_plan.stores()[store]))
    await till.verify(session, principal=clerk, store_id=cast.stores[store], code=code, token=None)
    await session.flush()
    return placed.id


async def test_the_ledger_is_as_long_as_asked_for_and_tells_of_everything(database: Database, plan: Plan) -> None:
    async with database.session() as session:
        assert 0.9 < await _count(session, "points_entry") / ENTRIES < 1.2

        async def different(column: str, table: str) -> set[str]:
            return set((await session.exec(sa.text(f"select distinct {column} from {table}"))).scalars().all())

        assert await different("status", "redemption") == set(Status)
        assert await different("kind", "points_transaction") >= set(Kind) - {Kind.ADJUST, Kind.EXPIRE}
        assert SettlementStatus.PAID in await different("status", "settlement")


async def test_no_month_that_is_over_has_anything_unsettled(database: Database, plan: Plan) -> None:
    """But the last, while its closing day lies ahead."""
    first = clock.month_start(clock.local_day(plan.until))
    over = clock.month_start(first - timedelta(days=1)) if clock.local_day(plan.until).day <= closing.CLOSED_ON else first
    left = sa.text("""
        select count(*), count(*) filter (where v.verified_at < :over) from verification v join redemption r on r.verification_id = v.id
         where not exists (select from settlement_line l where l.verification_id = v.id)""")
    async with database.session() as session:
        unsettled, of_months_over = (await session.exec(left, params={"over": clock.day_start(over)})).one()
        assert unsettled > 0 and of_months_over == 0


async def _shape(session: AsyncSession, row_id: UUID, tables: Mapping[str, tuple[str, str]] = WRITTEN) -> dict[str, list[Any]]:
    """Of each table the columns that hold something, with the keys of what is JSON, by kind of row."""
    shapes = {}
    for table, (key, statement) in tables.items():
        rows = (await session.exec(sa.text(statement), params={"id": row_id})).mappings().all()
        shapes[table] = sorted((str(row[key]), _told(row)) for row in rows)
    return shapes


def _told(row: Any) -> list[str]:
    filled = [name for name, value in row.items() if value not in (None, [], {}) and name not in APART]
    inside = [f"{name}.{key}" for name, value in row.items() if isinstance(value, dict) for key in value]
    return sorted(filled + inside)


def test_the_command_says_why_it_refuses(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINXIN_DATABASE_URL", str(own.database_url))
    refused = CliRunner().invoke(cli.cli, ["generate", "--members", "1", "--reports", "300"])
    assert refused.exit_code == 1 and "at most 20 reports a member" in refused.output
