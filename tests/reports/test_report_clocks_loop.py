"""Clocks over HTTP: a row for each run, the policy that it keeps, pauses, extensions, a changed calendar, and what is said of it."""

import importlib.util
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.categories.models import ReportCategoryVersion
from app.db.session import AsyncSession
from app.reports.models import Report
from app.reports.models_clocks import ReportClock
from tests.reports.scene import Scene
from tests.support.owner import as_owner

RunJob = Callable[..., Awaitable[None]]
MIGRATION = Path(__file__).resolve().parents[2] / "migrations/versions/20261129_0022_clocks.py"


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=clock.SHANGHAI)


async def clock_of(scene: Scene, report_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await scene.get(scene.reporter, f"/{report_id}/clock"))["runs"]
    return found


async def begun(scene: Scene, report_id: str, start: str, due: str) -> None:
    """Sets the run that goes on, and the report, to these instants."""
    await scene.session.flush()
    running = sa.update(ReportClock).where(col(ReportClock.report_id) == report_id, col(ReportClock.ended_at).is_(None))
    await scene.session.exec(running.values(started_at=at(start), due_at=at(due)))
    await scene.session.exec(sa.update(Report).where(col(Report.id) == report_id).values(due_at=at(due)))
    scene.session.expire_all()


async def test_every_stage_leaves_a_run(scene: Scene) -> None:
    report_id = await scene.at("closed")
    runs = await clock_of(scene, report_id)
    assert [run["stage"] for run in runs] == ["review", "dispatch", "handle", "verify", "feedback"]
    assert all(run["ended_at"] and run["in_time"] and run["due_at"] > run["started_at"] for run in runs)
    for earlier, later in itertools.pairwise(runs[1:]):
        assert earlier["ended_at"] == later["started_at"]
    assert runs[2]["limit"] == {
        "clock": "working", "minutes": 0, "days": 5, "severity": "normal", "category_code": "road_hole", "category_version": 1,
    }
    assert runs[2]["explanation"][0].endswith("前完成处置") and runs[2]["explanation"][-1].endswith("该环节结束，在时限内")
    assert await scene.session.get(Report, report_id) is not None
    await scene.give(scene.reporter, report_id, "reopen", {"reason": "又坏了"})
    assert (await clock_of(scene, report_id))[-1]["stage"] == "dispatch"


async def test_who_sees_the_clock(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    for who in (scene.reporter, scene.reviewer, scene.worker):
        assert (await scene.client.get(f"/api/v1/reports/{report_id}/clock", headers=who.headers)).status_code == 200
    stranger = await scene.people.member()
    assert (await scene.client.get(f"/api/v1/reports/{report_id}/clock", headers=stranger.headers)).status_code == 404
    text = (await scene.client.get(f"/api/v1/reports/{report_id}/clock", headers=scene.reporter.headers)).text
    assert not [who for who in (scene.reviewer, scene.worker) if str(who.id) in text]


async def test_a_change_of_policy_does_not_move_what_runs(scene: Scene) -> None:
    """The run keeps the limit that it began with, through a suspension too; the next run takes the new one."""
    report_id = await scene.at("in_progress")
    before = (await clock_of(scene, report_id))[-1]
    limits = {"review_minutes": 15, "dispatch_minutes": 15, "handle_minutes": 30, "verify_minutes": 15, "clock": "calendar"}
    rewritten = sa.update(ReportCategoryVersion).where(col(ReportCategoryVersion.category_code) == "road_hole")
    async with as_owner(scene.session):
        await scene.session.exec(sa.text("set local session_replication_role = replica"))  # not even a rewritten version moves it
        await scene.session.exec(rewritten.values(limits=limits))
        await scene.session.exec(sa.text("set local session_replication_role = origin"))
    scene.session.expire_all()
    await scene.give(scene.reviewer, report_id, "suspend", {"reason": "等待配件"})
    await scene.give(scene.worker, report_id, "resume")
    after = (await clock_of(scene, report_id))[-1]
    assert after["limit"] == before["limit"] and after["limit"]["clock"] == "working"
    moved = datetime.fromisoformat(after["due_at"]) - datetime.fromisoformat(before["due_at"])
    assert timedelta() <= moved < timedelta(minutes=1)
    await scene.give(scene.worker, report_id, "send-back", {"reason": "不归我管"})
    assert (await clock_of(scene, report_id))[-1]["limit"]["minutes"] == 15, "the next run asks anew"


async def test_pauses_are_kept_and_do_not_run(scene: Scene) -> None:
    report_id = await scene.at("in_progress")
    await scene.give(scene.worker, report_id, "suspend", {"reason": "等待配件"})
    assert (await clock_of(scene, report_id))[-1]["pauses"] == [], "asked for, not granted"
    await scene.give(scene.reviewer, report_id, "decide-request", {"approve": True, "note": "同意"})
    run = (await clock_of(scene, report_id))[-1]
    assert run["paused"] and [pause["to"] for pause in run["pauses"]] == [None]
    assert "同意申请，挂账，停止计时" in run["explanation"][-1]
    row = (await scene.session.exec(sa.select(ReportClock).where(col(ReportClock.ended_at).is_(None)))).scalars().one()
    assert row.warn_at is None and row.pauses[0]["by"] == str(scene.reviewer.id) and row.pauses[0]["request_id"]
    await scene.give(scene.worker, report_id, "resume")
    run = (await clock_of(scene, report_id))[-1]
    assert not run["paused"] and run["pauses"][0]["to"] and "恢复计时" in run["explanation"][-1]
    await scene.session.refresh(row)
    assert row.warn_at is not None


@pytest.mark.parametrize("approve", [True, False])
async def test_an_extension_by_request(scene: Scene, approve: bool) -> None:
    report_id = await scene.at("in_progress")
    before = (await clock_of(scene, report_id))[-1]["due_at"]
    until = (clock.now() + timedelta(days=30)).isoformat()
    await scene.give(scene.worker, report_id, "extend", {"until": until, "reason": "雨后才能施工"})
    await scene.give(scene.reviewer, report_id, "decide-request", {"approve": approve, "note": "已答复"})
    run = (await clock_of(scene, report_id))[-1]
    due = (await scene.get(scene.worker, f"/{report_id}"))["due"]["at"]
    assert due == run["due_at"] and (datetime.fromisoformat(due) == datetime.fromisoformat(until)) is approve
    assert [one["by_request"] for one in run["extensions"]] == ([True] if approve else [])
    assert (run["due_at"] == before) is not approve
    assert ("同意申请，延期" in run["explanation"][-1]) is approve


async def test_an_emergency_runs_around_the_clock(scene: Scene) -> None:
    report_id = (await scene.file(category_code="gas_smell"))["id"]
    run = (await clock_of(scene, report_id))[0]
    start, due = (datetime.fromisoformat(run[name]) for name in ("started_at", "due_at"))
    assert due - start == timedelta(minutes=15) and run["limit"]["clock"] == "calendar"
    assert "15 分钟（昼夜连续）" in run["explanation"][0]


async def test_a_changed_calendar_moves_what_runs(scene: Scene, run_job: RunJob) -> None:
    """Four working hours from Friday afternoon end on Monday, or on the Saturday that is made up; an emergency stays."""
    admin = await scene.people.console()
    report_id, urgent = await scene.at("accepted"), (await scene.file(category_code="gas_smell"))["id"]
    await begun(scene, report_id, "2026-12-04 17:00", "2026-12-07 10:00")
    kept = (await clock_of(scene, urgent))[-1]["due_at"]

    async def enter(workday: bool) -> dict[str, Any]:
        body = {"workday": workday, "note": "调休上班" if workday else None}
        answer = await scene.client.put("/api/v1/workdays/2026-12-05", json=body, headers=admin.headers)
        assert answer.status_code == 200, answer.text
        for _ in range(2):
            await run_job("report.recount_clocks", {})
        scene.session.expire_all()
        return (await clock_of(scene, report_id))[-1]

    run = await enter(True)
    assert datetime.fromisoformat(run["due_at"]) == at("2026-12-05 10:00") and "12-05 调休上班，照常计时" in run["explanation"][0]
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["due"]["at"] == run["due_at"]
    assert datetime.fromisoformat((await enter(False))["due_at"]) == at("2026-12-07 10:00")
    assert (await clock_of(scene, urgent))[-1]["due_at"] == kept


async def test_late_handling_is_late_for_good(scene: Scene) -> None:
    """Also when somebody sends the work back instead of resolving it."""
    report_id = await scene.at("in_progress")
    await begun(scene, report_id, "2026-11-20 10:00", "2026-11-27 10:00")
    await scene.give(scene.worker, report_id, "send-back", {"reason": "不归我管"})
    runs = await clock_of(scene, report_id)
    assert runs[-2]["in_time"] is False and runs[-1]["explanation"][0].split("，")[0].endswith("退单")
    report = await scene.session.get(Report, report_id)
    assert report is not None and report.late


async def test_waiting_for_the_reporter_is_nobodys_delay(scene: Scene) -> None:
    report_id = await scene.at("awaiting_feedback")
    await begun(scene, report_id, "2026-11-20 10:00", "2026-11-27 10:00")
    await scene.give(scene.reporter, report_id, "feedback", {"satisfied": True})
    report = await scene.session.get(Report, report_id)
    assert (await clock_of(scene, report_id))[-1]["in_time"] is True and report is not None and not report.late


async def test_the_cost_of_a_step(scene: Scene, statements: list[str]) -> None:
    """A step costs one statement, which ends a run and begins the next; a pause one more, a resumption two."""
    report_id = await scene.at("submitted")
    statements.clear()
    await scene.give(scene.reviewer, report_id, "accept")
    assert len([one for one in statements if "report_clock" in one]) == 1
    await scene.lead(report_id, "in_progress", since="accepted")
    statements.clear()
    await scene.give(scene.reviewer, report_id, "suspend", {"reason": "等待配件"})
    assert len([one for one in statements if "report_clock" in one]) == 1
    statements.clear()
    await scene.give(scene.worker, report_id, "resume")
    assert len([one for one in statements if "report_clock" in one]) == 2


async def test_software_before_this_moves_reports_beside_us(scene: Scene, run_job: RunJob) -> None:
    """It leaves no rows, or rows of another stage: they are mended, and commands work before that too."""
    filed, moved, paused = await scene.at("submitted"), await scene.at("dispatched"), await scene.at("in_progress")
    await scene.give(scene.reviewer, paused, "suspend", {"reason": "等待配件"})
    await scene.session.exec(sa.delete(ReportClock).where(col(ReportClock.report_id).in_([filed, paused])))
    await scene.session.exec(sa.update(ReportClock).where(col(ReportClock.report_id) == moved, col(ReportClock.ended_at).is_(None))
                             .values(stage="dispatch"))
    scene.session.expire_all()
    assert await clock_of(scene, filed) == []
    for _ in range(2):
        await run_job("report.mend_clocks")
    scene.session.expire_all()
    for report_id, stage in ((filed, "review"), (moved, "handle"), (paused, "handle")):
        run = (await clock_of(scene, report_id))[-1]
        assert run["stage"] == stage and run["limit"]["days"] is None and run["ended_at"] is None
        assert run["due_at"] == (await scene.get(scene.reviewer, f"/{report_id}"))["due"]["at"]
    assert (await clock_of(scene, moved))[-2]["in_time"] is None, "nobody saw its end"
    await scene.lead(filed, "dispatched")
    await scene.give(scene.worker, paused, "resume")
    assert (await clock_of(scene, paused))[-1]["paused"] is False


async def test_the_migration_adopts_what_runs(scene: Scene, session: AsyncSession) -> None:
    spec = importlib.util.spec_from_file_location("clocks_migration", MIGRATION)
    assert spec is not None and spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    found = {state: await scene.at(state) for state in ("submitted", "accepted", "in_progress", "resolved", "awaiting_feedback", "closed")}
    found["suspended"] = await scene.at("in_progress")
    await scene.give(scene.reviewer, found["suspended"], "suspend", {"reason": "等待配件"})
    before = {state: (await clock_of(scene, report_id))[-1] for state, report_id in found.items()}
    await session.exec(sa.delete(ReportClock))
    for _ in range(2):
        await session.exec(sa.text(migration.ADOPT))
    session.expire_all()
    assert await clock_of(scene, found.pop("closed")) == []
    for state, report_id in found.items():
        run, was = (await clock_of(scene, report_id))[0], before[state]
        assert (run["stage"], run["due_at"], run["paused"]) == (was["stage"], was["due_at"], was["paused"]), state
        assert run["limit"]["clock"] == was["limit"]["clock"]
        first = {"in_progress": "dispatch", "suspended": "dispatch", "accepted": "accept", "resolved": "resolve"}.get(state)
        rows = await scene.get(scene.reporter, f"/{report_id}/timeline")
        began = next((row["at"] for row in rows if row["command"] == first), rows[0 if state == "submitted" else -1]["at"])
        assert run["started_at"] == began, state
        assert abs(run["used_percent"] - was["used_percent"]) <= 1
