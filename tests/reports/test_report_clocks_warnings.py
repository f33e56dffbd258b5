"""Warnings at 50, 80 and 100 percent of a limit: to whom, each once, also with two workers; and the list of what is overdue."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth.models import AccessGrant, Scope
from app.auth.roles import Role
from app.db.session import AsyncSession, Database
from app.messages.models import Message
from app.reports import queries, queries_clocks, service
from app.reports.models import Report
from app.reports.models_clocks import ReportClock
from app.reports.words import Stage, Status
from app.settings import Settings
from tests.reports.scene import Scene, on
from tests.support.county import make_county
from tests.support.owner import as_owner
from tests.support.people import People, Person

RunJob = Callable[..., Awaitable[None]]
ALWAYS = {"clock": "calendar", "minutes": 600, "days": 0, "severity": "normal", "category": "road_hole"}
HALF, MOST = timedelta(minutes=301), timedelta(minutes=481)
TITLES = {"派单时限提醒", "上报时限提醒", "派单已超时", "上报已超时"}


async def aged(scene: Scene, report_id: str, age: timedelta) -> None:
    """Sets the run that goes on as one of ten hours by the calendar that began so long ago, with its first warning still to come."""
    start = clock.now() - age
    due = start + timedelta(minutes=600)
    await scene.session.flush()
    running = sa.update(ReportClock).where(col(ReportClock.report_id) == report_id, col(ReportClock.ended_at).is_(None))
    first = sa.func.least(start + timedelta(minutes=300), clock.now())
    await scene.session.exec(running.values(
        started_at=start, due_at=due, limit=ALWAYS, warn_at=sa.case((col(ReportClock.warned) < 80, first), else_=None),
    ))
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(due_at=due))
    scene.session.expire_all()


async def told(scene: Scene, run_job: RunJob) -> tuple[list[str], list[str]]:
    """Runs the jobs of the minute twice; what the worker and the reviewer have been told of limits, the oldest first."""
    for name in ("report.warn", "report.sweep") * 2:
        await run_job(name)
    scene.session.expire_all()
    worker, reviewer = [(await scene.inbox_of(who))[::-1] for who in (scene.worker, scene.reviewer)]
    return [one for one in worker if one in TITLES], [one for one in reviewer if one in TITLES]


async def test_handling_warns_the_worker_at_half_and_at_most_and_both_at_the_limit(scene: Scene, run_job: RunJob) -> None:
    report_id = await scene.at("in_progress")
    await aged(scene, report_id, timedelta(minutes=299))
    await scene.session.exec(sa.update(ReportClock).values(warn_at=clock.now() + timedelta(minutes=1)))
    assert await told(scene, run_job) == ([], [])
    await aged(scene, report_id, HALF)
    assert await told(scene, run_job) == (["派单时限提醒"], [])
    await aged(scene, report_id, MOST)
    assert await told(scene, run_job) == (["派单时限提醒"] * 2, [])
    await aged(scene, report_id, timedelta(minutes=601))
    assert await told(scene, run_job) == (["派单时限提醒", "派单时限提醒", "派单已超时"], ["上报已超时"])
    row = (await scene.session.exec(sa.select(ReportClock).where(col(ReportClock.ended_at).is_(None)))).scalars().one()
    assert (row.warned, row.warn_at) == (100, None)


@pytest.mark.parametrize("state", ["submitted", "accepted", "resolved"])
async def test_what_waits_for_a_reviewer_warns_the_reviewers(scene: Scene, run_job: RunJob, state: str) -> None:
    report_id = await scene.at(state)
    await aged(scene, report_id, HALF)
    assert await told(scene, run_job) == ([], []), "half of a short limit is no news"
    await aged(scene, report_id, MOST)
    assert await told(scene, run_job) == ([], ["上报时限提醒"])
    await aged(scene, report_id, timedelta(minutes=601))
    assert await told(scene, run_job) == ([], ["上报时限提醒", "上报已超时"])


async def test_what_was_missed_is_told_as_the_limit_alone(scene: Scene, run_job: RunJob) -> None:
    """A worker that was down over all of it does not tell of a half that is long past."""
    await aged(scene, await scene.at("in_progress"), timedelta(minutes=700))
    assert await told(scene, run_job) == (["派单已超时"], ["上报已超时"])


async def test_an_extension_warns_anew(scene: Scene, run_job: RunJob) -> None:
    report_id = await scene.at("in_progress")
    await aged(scene, report_id, MOST)
    await told(scene, run_job)
    until = clock.now() + timedelta(minutes=1_500)
    await scene.give(scene.reviewer, report_id, "extend", {"until": until.isoformat(), "reason": "雨后才能施工"})
    row = (await scene.session.exec(sa.select(ReportClock).where(col(ReportClock.ended_at).is_(None)))).scalars().one()
    await scene.session.refresh(row)
    assert row.warned == 0 and row.due_at == until and row.warn_at is not None
    assert abs(row.warn_at - (row.started_at + (until - row.started_at) / 2)) < timedelta(seconds=1)


async def test_nobody_is_warned_while_it_is_suspended_or_waits_for_the_reporter(scene: Scene, run_job: RunJob) -> None:
    suspended, waiting = await scene.at("in_progress"), await scene.at("awaiting_feedback")
    await aged(scene, suspended, HALF)
    await scene.give(scene.reviewer, suspended, "suspend", {"reason": "等待配件"})
    await scene.session.exec(sa.update(ReportClock).where(col(ReportClock.report_id) == waiting).values(warn_at=None))
    assert await told(scene, run_job) == ([], [])
    rows = (await scene.session.exec(sa.select(ReportClock).where(col(ReportClock.ended_at).is_(None)))).scalars().all()
    assert [row.warn_at for row in rows] == [None, None]


async def late(scene: Scene, state: str, by: timedelta) -> str:
    report_id = await scene.at(state)
    await aged(scene, report_id, timedelta(minutes=600) + by)
    return report_id


async def test_the_overdue_list(scene: Scene) -> None:
    """Longest due first, page by page, in one's own areas, and nothing that stands still or waits for its reporter."""
    elsewhere = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])
    old, new = await late(scene, "in_progress", timedelta(hours=9)), await late(scene, "submitted", timedelta(hours=1))
    mid = await late(scene, "accepted", timedelta(hours=3))
    for state in ("awaiting_feedback", "in_progress"):
        other = await late(scene, state, timedelta(hours=2))
    await scene.give(scene.reviewer, other, "suspend", {"reason": "等待配件"})
    await scene.at("in_progress")
    page = await scene.get(scene.reviewer, "/overdue", limit=2)
    assert [one["id"] for one in page["items"]] == [old, mid]
    assert [one["overdue_minutes"] for one in page["items"]] == [540, 180] and page["items"][0]["overdue_clock"] == "calendar"
    await scene.give(scene.reviewer, mid, "dispatch", {"assignee_account_id": str(scene.worker.id)})
    rest = await scene.get(scene.reviewer, "/overdue", limit=2, cursor=page["next_cursor"])
    assert [one["id"] for one in rest["items"]] == [new] and rest["next_cursor"] is None
    assert [one["id"] for one in (await scene.get(scene.reviewer, "/overdue", stage="handle"))["items"]] == [old]
    assert (await scene.get(elsewhere, "/overdue"))["items"] == []
    refused = await scene.client.get("/api/v1/reports/overdue", headers=scene.reporter.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_overdue_is_counted_in_the_time_of_its_clock(scene: Scene) -> None:
    """From Thursday evening to this moment only working hours count."""
    report_id = await late(scene, "accepted", timedelta(days=21))
    limit = ALWAYS | {"clock": "working", "minutes": 120}
    await scene.session.exec(sa.update(ReportClock).where(col(ReportClock.ended_at).is_(None)).values(limit=limit))
    scene.session.expire_all()
    one = (await scene.get(scene.reviewer, "/overdue"))["items"][0]
    assert (one["id"], one["overdue_clock"]) == (report_id, "working")
    assert 10 * 480 < one["overdue_minutes"] <= 16 * 480, "three weeks have at most sixteen working days"


async def test_a_page_costs_the_same_with_one_or_many(scene: Scene, statements: list[str]) -> None:
    for hours in range(1, 6):
        await late(scene, "accepted", timedelta(hours=hours))
    costs = []
    for limit in (1, 5):
        statements.clear()
        assert len((await scene.get(scene.reviewer, "/overdue", limit=limit))["items"]) == limit
        costs.append(len(statements))
    assert costs[0] == costs[1], costs


MANY = """
insert into report_clock (id, report_id, stage, state, started_at, ended_at, "limit", due_at, pauses, extensions, warned, warn_at)
select uuidv7(), uuidv7(), 'handle', 'dispatched', now() - interval '1 hour', case when n % 10 > 0 then now() end, '{}',
       now() + n * interval '1 second', '[]', '[]', 0, case when n % 10 = 0 then now() + (n - 1000) * interval '1 second' end
  from generate_series(1, 20000) n
"""


async def test_the_scan_is_one_range_of_an_index(session: AsyncSession) -> None:
    """Among twenty thousand runs, a tenth of them going on."""
    async with as_owner(session):
        await session.exec(sa.text("set local session_replication_role = replica"))
        await session.exec(sa.text(MANY))
        await session.exec(sa.text("analyze report_clock"))
    plans = {}
    scans = {"warn_at": "warn_at <= now() order by warn_at limit 500", "running_due": "due_at < now() order by due_at, id limit 20"}
    for name, asked in scans.items():
        found = await session.exec(sa.text(f"explain select report_id from report_clock where ended_at is null and {asked}"))
        plans[name] = "\n".join(row[0] for row in found.all())
    assert "ix_report_clock_warn_at" in plans["warn_at"] and "ix_report_clock_running_due" in plans["running_due"], plans


# Two workers at once, with real commits.


class Office:
    """A committed report that half of its limit has passed on, with its worker."""

    def __init__(self, database: Database, worker: Person, report_id: UUID) -> None:
        self.database, self.worker, self.report_id = database, worker, report_id

    async def warn_twice(self) -> int:
        """Both at once; how many messages the worker has."""

        async def one() -> None:
            async with self.database.transaction() as session:
                await service.warn(session, report_id=self.report_id)

        await asyncio.gather(one(), one())
        async with self.database.session() as session:
            mine = sa.select(sa.func.count()).select_from(Message).where(col(Message.member_id) == self.worker.id)
            return int((await session.exec(mine)).scalar_one())


@pytest.fixture
async def office(committed: Database, settings: Settings) -> AsyncIterator[Office]:
    async with committed.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        reporter, worker = await people.member(), await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)])
        start = clock.now() - HALF
        report = _report(county.community, reporter, worker, start)
        session.add(report)
        await session.flush()
        session.add(ReportClock(
            report_id=report.id, stage=Stage.HANDLE, state=Status.DISPATCHED, started_at=start, limit=ALWAYS,
            due_at=start + timedelta(minutes=600), warn_at=start + timedelta(minutes=300),
        ))
    yield Office(committed, worker, report.id)
    async with committed.transaction() as session:
        people_ids = [reporter.id, worker.id]
        for gone in (
            sa.delete(Message).where(col(Message.member_id).in_(people_ids)),
            sa.delete(ReportClock).where(col(ReportClock.report_id) == report.id),
            sa.delete(Report).where(col(Report.id) == report.id),
            sa.delete(AccessGrant).where(col(AccessGrant.account_id).in_(people_ids)),
            sa.delete(Scope).where(col(Scope.area_path).startswith("370899/")),
            sa.delete(Area).where(col(Area.path).startswith("370899/")),
        ):
            await session.exec(gone)


def _report(community: Area, reporter: Person, worker: Person, start: datetime) -> Report:
    return Report(
        number="R20200101-000001", member_id=reporter.id, status=Status.IN_PROGRESS, community_id=community.id, area_path=community.path,
        lng=116.72, lat=35.52, due_stage=Stage.HANDLE, due_at=start + timedelta(minutes=600), assignee_id=worker.id,
    )


@pytest.fixture
def blind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The known-bad variant: no lock, so that both have read before either writes."""
    if request.param:
        both, reads = asyncio.Barrier(2), queries_clocks.running

        async def unlocked(session: AsyncSession, *ids: UUID) -> dict[UUID, Report]:
            found = await session.exec(sa.select(Report).where(col(Report.id).in_(ids)))
            return {report.id: report for report in found.scalars().all()}

        async def together(*told: Any) -> ReportClock | None:
            run = await reads(*told)
            await both.wait()
            return run

        monkeypatch.setattr(queries, "lock", unlocked)
        monkeypatch.setattr(queries_clocks, "running", together)
    return bool(request.param)


@pytest.mark.parametrize("blind", [False, True], indirect=True, ids=["locked", "known-bad"])
async def test_two_workers_warn_once(office: Office, blind: bool) -> None:
    async with asyncio.timeout(30):
        messages = await office.warn_twice()
    assert messages == (2 if blind else 1)
