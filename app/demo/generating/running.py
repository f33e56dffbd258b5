"""One run of the generator: what it fixes when it begins, its lanes, and what is counted at the end.

Whole batches are committed and what is there is left alone, so the same run can be begun again after it died. History's triggers and
foreign keys are not asked row by row (`session_replication_role`): that every row holds what they ask for is what the tests look at.
"""

import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
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
from app.demo.generating import cases, closing, county, members
from app.demo.generating.accounts import Accounts
from app.demo.generating.cases import Writer
from app.demo.generating.county import County
from app.demo.generating.plan import FILL_GAP, LANES, REPORTS_A_MEMBER, Plan
from app.demo.generating.sheets import Sheets
from app.jobs import service as jobs_service
from app.members.models import Consent, Member
from app.messages.models import Message
from app.parts import session_info
from app.points.models import PointsAward, PointsBalance, PointsEntry, PointsLot, PointsTransaction
from app.process import end_with_parent
from app.redemptions.models import Redemption, RedemptionText, RewardMemberUsage, Settlement, SettlementLine, Verification, VerificationUndo
from app.redemptions.models_days import StoreDayHead
from app.reports.models import Report, ReportEvent, ReportGram, ReportJoin, ReportText
from app.reports.models_clocks import ReportClock
from app.seals import service as seals_service
from app.settings import Settings
from app.statistics import rebuilding
from app.uploads.models import Upload

ACTION, KIND = "demo.generate", "demo"
BATCH_MEMBERS, BATCH_REPORTS = 2_000, 1_000
TABLES = (
    Account, Member, Consent, AuditEvent, Report, ReportEvent, ReportText, ReportClock, ReportJoin, ReportGram, Upload, PointsAward,
    PointsTransaction, PointsEntry, PointsLot, PointsBalance, Redemption, Verification, VerificationUndo, RedemptionText, RewardMemberUsage,
    Settlement, SettlementLine, StoreDayHead, Message,
)
SETTINGS = ("set local session_replication_role = replica", "set local synchronous_commit = off", "set local statement_timeout = 0")
LAST = sa.text("select facts from audit_event where object_kind = :kind and action = :action order by id desc limit 1")
# On a day that is over no number is drawn any more. Today's own are the service's: it does not come this far in a day.
GIVEN = sa.text("""
select to_date(substr(number, 2, 8), 'YYYYMMDD') as day, max(substr(number, 11)::int) as last from report group by 1""")
FAR = 500_000
ORDERS_BEFORE = sa.text("select coalesce(max(substr(number, 11)::int), 0) from redemption where number < :today")
ENTRIES = sa.text("select count(*) from points_entry")
BALANCES = sa.text("""
insert into points_balance (member_id, available, held, debt, version)
select member_id, sum(amount), sum(held), 0, count(*) from points_transaction t
 where not exists (select from points_balance b where b.member_id = t.member_id) group by member_id""")


class Unsuitable(Exception):
    """This database, or these figures, cannot be generated into. The message is for the operator."""


async def begin(database: Database, settings: Settings, *, members_asked: int, reports: int, seed: int, entries: int = 0) -> Plan:
    """Loads the county where there is none, and fixes the run; the same figures go on with the run that there was. Raises Unsuitable."""
    if settings.production:
        raise Unsuitable("生产环境不生成数据 / not in production")
    if members_asked * REPORTS_A_MEMBER < reports:
        raise Unsuitable(f"请增加成员，每人每年至多 {REPORTS_A_MEMBER} 件 / at most {REPORTS_A_MEMBER} reports a member")
    asked = Plan(seed, members_asked, reports, clock.now(), {}, entries)
    if asked.fill_gap is not None and asked.fill_gap < FILL_GAP:
        raise Unsuitable("请增加成员，每人每天至多一课一小时 / at most one lesson and one hour a member and day: more members are needed")
    await _load_county(database, settings)
    async with database.transaction() as session:
        await session.exec(sa.text(loading.LOCK))
        known = (await session.exec(LAST, params={"kind": KIND, "action": ACTION})).scalars().first()
        plan = asked if known is None else _plan(known)
        if (plan.seed, plan.members, plan.reports, plan.entries) != (seed, members_asked, reports, entries):
            figures = f"--members {plan.members} --reports {plan.reports} --entries {plan.entries} --seed {plan.seed}"
            raise Unsuitable(f"已生成 / generated before: {figures}")
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
    until = datetime.fromisoformat(facts["until"])
    return Plan(facts["seed"], facts["members"], facts["reports"], until, before, facts.get("entries", 0), facts.get("orders_before", 0))


async def _fix(session: AsyncSession, plan: Plan) -> Plan:
    """Finds the numbers that the days have not given away, and writes down what all else follows from."""
    last = {day: int(number) for day, number in (await session.exec(GIVEN)).all()}
    today = clock.local_day(plan.until)
    before = {day: last[day] for day, _ in plan.filed_on() if day in last} | {today: max(FAR, last.get(today, 0))}
    drawn = await session.exec(ORDERS_BEFORE, params={"today": f"D{today:%Y%m%d}"})
    fixed = replace(plan, before=before, orders_before=drawn.scalar_one())
    audit_service.record(
        session, ACTION, object_kind=KIND, object_id=None, seed=fixed.seed, members=fixed.members, reports=fixed.reports,
        until=fixed.until.isoformat(), before={day.isoformat(): count for day, count in before.items()}, entries=fixed.entries,
        orders_before=fixed.orders_before,
    )
    return fixed


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
        accounts, writer = Accounts(self.keys, self.plan, self.number, self.county), Writer(self.keys, self.plan, self.county)
        began, done = time.monotonic(), 0
        for batch in cases.written(self.plan, self.number, BATCH_REPORTS):
            await self._post(accounts.until(self.plan.filed_at(batch[0])))
            await self._reports(batch, writer, accounts)
            done += len(batch)
            self.tell(f"lane {self.number}: {done} reports, {done / (time.monotonic() - began):.0f}/s")
        await self._post(accounts.rest())
        self.tell(f"lane {self.number}: done after {time.monotonic() - began:.0f} s")

    async def _members(self, batch: Collection[int]) -> None:
        sheets = Sheets()
        for member in batch:
            members.write(sheets, self.keys, self.plan, member, appid=self.county.appid, versions=self.county.versions)
        await self._copy(sheets, "account", self.plan.member_id(min(batch)))

    async def _reports(self, batch: list[int], writer: Writer, accounts: Accounts) -> None:
        """What is there already is told all the same: the ledgers go on from it."""
        sheets = Sheets()
        for report in batch:
            accounts.expect(self.plan.member_of(report), writer.write(sheets, report))
        await self._copy(sheets, "report", self.plan.report_id(batch[0]))

    async def _post(self, batches: Iterable[Sheets]) -> None:
        for sheets in batches:
            first = sheets.first()
            if first is not None:
                await self._copy(sheets, *first)

    async def _copy(self, sheets: Sheets, table: str, first: UUID) -> None:
        """All of a batch, unless its first row is there."""
        async with self.database.transaction() as session:
            found = await session.exec(sa.text(f"select exists (select from {table} where id = :id)"), params={"id": first})
            if found.scalar_one():
                return
            await _copy(session, sheets)


async def fill(database: Database, plan: Plan, *, lane: int, appid: str, tell: Callable[[str], None]) -> None:
    async with database.session() as session:
        gathered = await county.gather(session, plan, appid=appid)
    await Lane(database, plan, lane, gathered, database.session(), tell).fill()


async def finish(database: Database, plan: Plan, *, appid: str, tell: Callable[[str], None]) -> None:
    """Balances out of the ledgers, what follows from the orders, the planner's statistics, and the figures."""
    async with database.transaction() as session:
        await session.exec(sa.text("set local statement_timeout = 0"))
        await session.exec(BALANCES)
        if plan.entries:
            await _close(session, plan, appid)
    began = time.monotonic()
    async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for table in TABLES:
            await connection.execute(sa.text(f"vacuum (analyze) {table.__tablename__}"))
    tell(f"vacuum, analyze: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    async with database.transaction() as session:
        counted = await rebuilding.rebuild(session)
    tell(f"figures of {counted} reports: {time.monotonic() - began:.0f} s")
    async with database.transaction() as session:
        await seals_service.reopen(session)  # these rows came past the triggers: the worker seals them when it runs


async def _close(session: AsyncSession, plan: Plan, appid: str) -> None:
    sheets = Sheets()
    made = await closing.close(session, plan, appid=appid, sheets=sheets)
    await _copy(session, sheets)
    await closing.write_lines(session, made)
    await closing.finish_days(session)
    await closing.fix(session, made)


async def _copy(session: AsyncSession, sheets: Sheets) -> None:
    for setting in SETTINGS:
        await session.exec(sa.text(setting))
    raw = await (await session.connection()).get_raw_connection()
    assert raw.driver_connection is not None
    await sheets.copy(raw.driver_connection)


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


def generate(settings: Settings, *, members_asked: int, reports: int, seed: int, entries: int = 0, tell: Callable[[str], None]) -> None:
    """Into the database of the settings, in lanes side by side, each a fork of this process. Raises Unsuitable."""
    ports.connect()
    began = time.monotonic()

    async def first() -> Plan:
        async with _opened(settings) as database:
            return await begin(database, settings, members_asked=members_asked, reports=reports, seed=seed, entries=entries)

    async def last() -> int:
        async with _opened(settings) as database:
            await finish(database, plan, appid=settings.wechat_appid, tell=tell)
            async with database.session() as session:
                return int((await session.exec(ENTRIES)).scalar_one())

    plan = uvloop.run(first())
    lanes = [_forked(settings, plan, number, tell) for number in range(LANES)]
    failed = [lane for lane in lanes if os.waitstatus_to_exitcode(os.waitpid(lane, 0)[1])]
    if failed:
        raise Unsuitable("数据没有全部生成，再次运行会继续 / not all was generated: run it again to go on")
    copied = time.monotonic() - began
    made = uvloop.run(last())
    tell(f"{reports} reports, {made} entries copied in {copied:.0f} s; all done after {time.monotonic() - began:.0f} s")


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
