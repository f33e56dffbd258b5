"""One run of the generator: what it fixes when it begins, its lanes, and what is counted at the end.

Whole batches are committed and what is there is left alone, so the same run can be begun again after it died. History's triggers and
foreign keys are not asked row by row (`session_replication_role`): that every row holds what they ask for is what the tests look at.
"""

import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import uvloop

from app import clock, ports
from app.audit import service as audit_service
from app.audit.models import AuditEvent
from app.auth.models import Account
from app.db import session as db_session
from app.db.session import AsyncSession, Database
from app.demo import loading, people
from app.demo.generating import cases, county, members
from app.demo.generating.cases import Writer
from app.demo.generating.county import County
from app.demo.generating.ledger import Ledger
from app.demo.generating.plan import LANES, REPORTS_A_MEMBER, Plan
from app.demo.generating.sheets import Sheets
from app.jobs import service as jobs_service
from app.members.models import Consent, Member
from app.parts import session_info
from app.points.models import PointsAward, PointsBalance, PointsEntry, PointsLot, PointsTransaction
from app.process import end_with_parent
from app.reports.models import Report, ReportEvent, ReportGram, ReportJoin, ReportText
from app.reports.models_clocks import ReportClock
from app.settings import Settings
from app.statistics import rebuilding
from app.uploads.models import Upload

ACTION, KIND = "demo.generate", "demo"
BATCH_MEMBERS, BATCH_REPORTS = 2_000, 1_000
TABLES = (
    Account, Member, Consent, AuditEvent, Report, ReportEvent, ReportText, ReportClock, ReportJoin, ReportGram, Upload, PointsAward,
    PointsTransaction, PointsEntry, PointsLot, PointsBalance,
)
SETTINGS = ("set local session_replication_role = replica", "set local synchronous_commit = off", "set local statement_timeout = 0")
LAST = sa.text("select facts from audit_event where object_kind = :kind and action = :action order by id desc limit 1")
# Every day keeps the numbers that are given away on it.
RESERVE = sa.text("""
insert into day_number as n (prefix, day, last)
select 'R', * from unnest(cast(:days as date[]), cast(:counts as integer[])) order by 2
on conflict (prefix, day) do update set last = n.last + excluded.last returning day, last""")
BALANCES = sa.text("""
insert into points_balance (member_id, available, held, debt, version)
select member_id, sum(amount), 0, 0, count(*) from points_transaction t
 where not exists (select from points_balance b where b.member_id = t.member_id) group by member_id""")


class Unsuitable(Exception):
    """This database, or these figures, cannot be generated into. The message is for the operator."""


async def begin(database: Database, settings: Settings, *, members_asked: int, reports: int, seed: int) -> Plan:
    """Loads the county where there is none, and fixes the run; the same figures go on with the run that there was. Raises Unsuitable."""
    if settings.production:
        raise Unsuitable("生产环境不生成数据 / not in production")
    if members_asked * REPORTS_A_MEMBER < reports:
        raise Unsuitable(f"请增加成员，每人每年至多 {REPORTS_A_MEMBER} 件 / at most {REPORTS_A_MEMBER} reports a member")
    await _load_county(database, settings)
    async with database.transaction() as session:
        await session.exec(sa.text(loading.LOCK))
        known = (await session.exec(LAST, params={"kind": KIND, "action": ACTION})).scalars().first()
        plan = Plan(seed, members_asked, reports, clock.now(), {}) if known is None else _plan(known)
        if (plan.seed, plan.members, plan.reports) != (seed, members_asked, reports):
            raise Unsuitable(f"已生成 / generated before: --members {plan.members} --reports {plan.reports} --seed {plan.seed}")
        return plan if known is not None else await _fix(session, plan)


async def _load_county(database: Database, settings: Settings) -> None:
    """Without the life that a job fills it with: this run brings its own."""
    async with database.session() as session:
        if await people.known(session, appid=settings.wechat_appid, person=people.ADMINS[0]) is not None:
            return
    await loading.load_county(settings)
    async with database.transaction() as session:
        await jobs_service.drop(session, [("demo.fill", {})])


def _plan(facts: dict[str, Any]) -> Plan:
    before = {date.fromisoformat(day): count for day, count in facts["before"].items()}
    return Plan(facts["seed"], facts["members"], facts["reports"], datetime.fromisoformat(facts["until"]), before)


async def _fix(session: AsyncSession, plan: Plan) -> Plan:
    """Takes the numbers of the days, and writes down what all else follows from."""
    wanted = dict(plan.filed_on())
    taken = (await session.exec(RESERVE, params={"days": list(wanted), "counts": list(wanted.values())})).all()
    before = {day: last - wanted[day] for day, last in taken if last > wanted[day]}
    audit_service.record(
        session, ACTION, object_kind=KIND, object_id=None, seed=plan.seed, members=plan.members, reports=plan.reports,
        until=plan.until.isoformat(), before={day.isoformat(): count for day, count in before.items()},
    )
    return Plan(plan.seed, plan.members, plan.reports, plan.until, before)


@dataclass
class Lane:
    """Every sixth member, and what they report, in the order of time."""

    database: Database
    plan: Plan
    number: int
    county: County
    keys: AsyncSession
    tell: Callable[[str], None]

    async def fill(self) -> None:
        mine = self.plan.members_of(self.number)
        for first in range(0, len(mine), BATCH_MEMBERS):
            await self._members(mine[first : first + BATCH_MEMBERS])
        ledger, writer, began, done = Ledger(self.plan.until), Writer(self.keys, self.plan, self.county), time.monotonic(), 0
        for batch in cases.written(self.plan, self.number, BATCH_REPORTS):
            await self._reports(batch, writer, ledger)
            done += len(batch)
            self.tell(f"lane {self.number}: {done} reports, {done / (time.monotonic() - began):.0f}/s")
        await self._lapse(sorted(ledger.lapsing()), ledger)

    async def _members(self, batch: Collection[int]) -> None:
        sheets = Sheets()
        for member in batch:
            members.write(sheets, self.keys, self.plan, member, appid=self.county.appid, versions=self.county.versions)
        await self._copy(sheets, "account", self.plan.member_id(min(batch)))

    async def _reports(self, batch: list[int], writer: Writer, ledger: Ledger) -> None:
        """What is there already is told all the same: the ledgers go on from it."""
        sheets = Sheets()
        for report in batch:
            chance, dues = writer.write(sheets, report)
            member = self.plan.member_of(report)
            ledger.post(sheets, chance, member, self.plan.member_id(member), dues)
        await self._copy(sheets, "report", self.plan.report_id(batch[0]))

    async def _lapse(self, late: list[int], ledger: Ledger) -> None:
        """Of those who earned nothing since."""
        sheets = Sheets()
        first: UUID | None = None
        for member in late:
            chance = self.plan.chance_of_lapse(member)
            made = ledger.lapse(sheets, chance, member, self.plan.member_id(member))
            first = first or made
        if first is not None:
            await self._copy(sheets, "points_transaction", first)

    async def _copy(self, sheets: Sheets, table: str, first: UUID) -> None:
        """All of a batch, unless its first row is there."""
        async with self.database.transaction() as session:
            found = await session.exec(sa.text(f"select exists (select from {table} where id = :id)"), params={"id": first})
            if found.scalar_one():
                return
            for setting in SETTINGS:
                await session.exec(sa.text(setting))
            raw = await (await session.connection()).get_raw_connection()
            assert raw.driver_connection is not None
            await sheets.copy(raw.driver_connection)


async def fill(database: Database, plan: Plan, *, lane: int, appid: str, tell: Callable[[str], None]) -> None:
    async with database.session() as session:
        gathered = await county.gather(session, plan, appid=appid)
    await Lane(database, plan, lane, gathered, database.session(), tell).fill()


async def finish(database: Database, tell: Callable[[str], None]) -> None:
    """Balances out of the ledgers, the planner's statistics, and the figures."""
    async with database.transaction() as session:
        await session.exec(sa.text("set local statement_timeout = 0"))
        await session.exec(BALANCES)
    began = time.monotonic()
    async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for table in TABLES:
            await connection.execute(sa.text(f"vacuum (analyze) {table.__tablename__}"))
    tell(f"vacuum, analyze: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    async with database.transaction() as session:
        counted = await rebuilding.rebuild(session)
    tell(f"figures of {counted} reports: {time.monotonic() - began:.0f} s")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = db_session.connect(
        str(settings.database_url), info=session_info(settings) | {"actor": {"kind": "job"}}, name="xinxin-generate", pool_size=1,
        statement_timeout_ms=0, role=None,
    )
    try:
        yield database
    finally:
        await database.close()


def generate(settings: Settings, *, members_asked: int, reports: int, seed: int, tell: Callable[[str], None]) -> None:
    """Into the database of the settings, in lanes side by side, each a fork of this process. Raises Unsuitable."""
    ports.connect()
    began = time.monotonic()

    async def first() -> Plan:
        async with _opened(settings) as database:
            return await begin(database, settings, members_asked=members_asked, reports=reports, seed=seed)

    async def last() -> None:
        async with _opened(settings) as database:
            await finish(database, tell)

    plan = uvloop.run(first())
    lanes = [_forked(settings, plan, number, tell) for number in range(LANES)]
    failed = [lane for lane in lanes if os.waitstatus_to_exitcode(os.waitpid(lane, 0)[1])]
    if failed:
        raise Unsuitable("数据没有全部生成，再次运行会继续 / not all was generated: run it again to go on")
    copied = time.monotonic() - began
    uvloop.run(last())
    tell(f"{reports} reports copied in {copied:.0f} s ({reports / copied:.0f}/s); all done after {time.monotonic() - began:.0f} s")


def _forked(settings: Settings, plan: Plan, number: int, tell: Callable[[str], None]) -> int:
    """The process id of a lane."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    end_with_parent(parent)
    gc.disable()  # no rows refer to each other in circles, and there are millions

    async def lane() -> None:
        async with _opened(settings) as database:
            await fill(database, plan, lane=number, appid=settings.wechat_appid, tell=tell)

    try:
        uvloop.run(lane())
    except BaseException as error:  # a fork must not go on as its parent
        sys.stderr.write(f"lane {number}: {error!r}\n")
        os._exit(1)
    os._exit(0)
